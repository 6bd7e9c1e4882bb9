/** What a reader has chosen, as the address holds it. Defaults leave no trace there. */

export interface Choice {
  /** id of a bundled model */
  readonly model: string;
  /** position in the test split */
  readonly sample: number;
  /** registry ids, in the registry's order */
  readonly methods: readonly string[];
  /** class to explain, by name; null is the prediction */
  readonly target: string | null;
}

export interface Choices {
  readonly models: readonly { readonly id: string; readonly classes: readonly string[] }[];
  readonly methods: readonly { readonly id: string }[];
  /** pictures there are */
  readonly samples: number;
  readonly standard: Pick<Choice, "model" | "sample">;
}

/** Whatever the page does not have is ignored: an old link still opens. */
export function parseChoice(search: string, choices: Choices): Choice {
  const query = new URLSearchParams(search);
  const wanted = query.get("methods")?.split(",");
  const known = choices.methods.map((m) => m.id);
  const methods = known.filter((id) => wanted?.includes(id));
  const model = choices.models.find((m) => m.id === query.get("model"));
  const sample = query.get("sample") ?? "";
  const target = query.get("class");
  const { classes } = model ?? choices.models.find((m) => m.id === choices.standard.model)!;
  return {
    model: model?.id ?? choices.standard.model,
    sample:
      /^\d+$/.test(sample) && Number(sample) < choices.samples ? Number(sample) : choices.standard.sample,
    methods: methods.length > 0 ? methods : known,
    target: target !== null && classes.includes(target) ? target : null,
  };
}

/** "?model=cxr-vit&sample=3&methods=saliency,grad-cam&class=cavity", or "" for what the page shows by itself. */
export function searchOf(choice: Choice, choices: Choices): string {
  const query = new URLSearchParams();
  if (choice.model !== choices.standard.model) query.set("model", choice.model);
  if (choice.sample !== choices.standard.sample) query.set("sample", `${choice.sample}`);
  if (choice.methods.length > 0 && choice.methods.length < choices.methods.length)
    query.set("methods", choice.methods.join());
  if (choice.target !== null) query.set("class", choice.target);
  // a comma needs no escape in a query, and reads better without
  const text = query.toString().replaceAll("%2C", ",");
  return text === "" ? "" : `?${text}`;
}
