/** Where the built site keeps what the page fetches after a click. */
const modelFiles = import.meta.glob<string>("../../kit/models/*.onnx", {
  query: "?url",
  import: "default",
  eager: true,
});
const referenceFiles = import.meta.glob<string>("./reference/*.bin", {
  query: "?url",
  import: "default",
  eager: true,
});

export const modelUrl = (id: string): string => modelFiles[`../../kit/models/${id}.onnx`];
export const referenceUrl = (id: string): string => referenceFiles[`./reference/${id}.bin`];
