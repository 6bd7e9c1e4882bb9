/** From a PyTorch checkpoint to an open pull request: the page, CONTRIBUTING.md and scripts/walkthrough/record.ts read this. */

export interface Step {
  readonly id: string;
  readonly title: string;
  /** why, in a sentence or two; `code` as in Markdown */
  readonly text: string;
  /** run as it stands, by a shell in a folder of its own; `{branch}` is the one that submit made */
  readonly command: string;
  /** of kit/examples/pytorch/, shown before the command */
  readonly file?: string;
  /** in site/submit/, made by the command */
  readonly picture?: { readonly file: string; readonly alt: string };
}

const model = "shapes-cnn";
const run = `xai-runs/${model}-phantom-shapes`;

export const steps: readonly Step[] = [
  {
    id: "export",
    title: "Export the checkpoint",
    text: "The kit reads ONNX, so PyTorch is needed here and never again. Export the scores before softmax, with a free batch size. What the file cannot say (mean, std, class names, how it was trained) goes into a card beside it; options of the command line can say it too.",
    file: "export.py",
    command: `python3 export.py checkpoint.pt ${model}`,
  },
  {
    id: "doctor",
    title: "See what computes here",
    text: "Each device is tried on a small network whose numbers are known; `--device` chooses one, and without it the best that works is taken.",
    command: "npx xai-kit doctor",
  },
  {
    id: "explain",
    title: "Look before you measure",
    text: "One picture, every method. If the prediction is wrong here, mean, std or class order are wrong too: better found now.",
    command: `npx xai-kit explain picture.png --model ${model}.onnx --out maps.png`,
    picture: {
      file: "maps.png",
      alt: "The picture and its explanations by every method, as xai-kit explain draws them",
    },
  },
  {
    id: "plan",
    title: "Know what it will take",
    text: "A dry run shows the plan and an estimate from a short calibration, and stops.",
    command: `npx xai-kit evaluate --model ${model}.onnx --data phantom:shapes --dry-run`,
  },
  {
    id: "evaluate",
    title: "Evaluate",
    text: "The standard protocol: 256 test images, eleven methods and four controls, the core metrics; `--further` adds every other method and metric on the first 32 images and moves nothing of these. After Ctrl-C or a crash the same command goes on where it stopped. This example takes drawn pictures; your own data is evaluated the same way, with `--data medmnist:bloodmnist` or `--data folder:photos`.",
    command: `npx xai-kit evaluate --model ${model}.onnx --data phantom:shapes`,
  },
  {
    id: "validate",
    title: "Check it as the repository will",
    text: "The same code runs in CI: every mean, interval and rank is computed again from the scores.",
    command: `npx xai-kit validate ${run}`,
  },
  {
    id: "clone",
    title: "Clone your fork",
    text: "Fork the repository on GitHub (here by a user called ada), then clone the fork.",
    command: "git clone https://github.com/ada/xai-kit",
  },
  {
    id: "submit",
    title: "Put the run on a branch",
    text: "Everything that becomes public is listed first. Pictures, the journal and your images stay where they are, and nothing is sent yet.",
    command: `npx xai-kit submit ${run} --repo xai-kit`,
  },
  {
    id: "push",
    title: "Push, and open the pull request",
    text: "The command that `submit` printed; the link beside it opens the pull request.",
    command: "git -C xai-kit push origin {branch}",
  },
];
