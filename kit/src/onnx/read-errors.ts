/** What can be wrong with a model file, each as a KitError. Names in the file may be anything: shown short and plain. */
import { KitError } from "../errors.ts";

const control = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}/gu;

export function plain(text: string): string {
  const short = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return short.replace(control, "�");
}

const fault =
  (code: "E_ONNX_CORRUPT" | "E_ONNX_INVALID" | "E_ONNX_UNSUPPORTED", says: string, advice: string) =>
  (file: string, what: string, details: string | readonly string[] = [], next = advice): KitError =>
    new KitError(code, {
      problem: plain(`${file} ${says}${what}`),
      details: [details].flat().map(plain),
      next,
    });

/** The bytes cannot be read as ONNX. */
export const corrupt = fault(
  "E_ONNX_CORRUPT",
  "is not a readable ONNX model: ",
  "check that the file is whole and is an .onnx file, or export the model again",
);

/** The bytes can be read, but what they say is no graph. */
export const invalid = fault(
  "E_ONNX_INVALID",
  "is not a valid ONNX graph: ",
  "check it with onnx.checker.check_model, or export the model again",
);

/** Valid ONNX that we do not read. */
export const unsupported = fault(
  "E_ONNX_UNSUPPORTED",
  "needs what is not supported: ",
  "export the model without it",
);
