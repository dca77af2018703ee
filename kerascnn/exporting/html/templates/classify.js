// Runs the models of the page in LiteRT.js. `litert` and `ModuleFactory` are the
// package's own; see kerascnn/exporting/html/scripts.py.

import { roundToEven } from "./fit.js";
import { unpack } from "./unpack.js";

/**
 * Start the runtime, once, from the bytes that the page holds: nothing is fetched.
 *
 * @param wasm The block of the WebAssembly module.
 */
export async function startRuntime(wasm) {
  const self = globalThis;
  self.self ??= self; // in Node
  // What the runtime says of itself is no error, though it writes it where those are.
  const say = (line) => console.debug(line);
  self.Module = { wasmBinary: await unpack(wasm), print: say, printErr: say };
  // The name is not looked at: the script that it would load is in the page already.
  await litert.loadLiteRt("page.js");
}

/**
 * Open a model, which takes one image at a time.
 *
 * @param file The block of the TFLite file.
 * @param facts What the page says of the model: `input` and `output`, each with its
 *   `dtype`, and the `scale` and `zero` of bytes.
 * @returns A function from the values of an image, 0 to 255, to probabilities.
 */
export async function openModel(file, facts) {
  const model = await litert.loadAndCompile(await unpack(file), { accelerator: "wasm" });
  const shape = [...model.getInputDetails()[0].shape];
  const { input, output } = facts;
  return async (values) => {
    const given = new litert.Tensor(toInput(values, input), shape);
    const [answer] = await model.run([given]);
    const numbers = await answer.data();
    given.delete();
    answer.delete();
    if (output.dtype === "float32") return Float32Array.from(numbers);
    return Float32Array.from(numbers, (step) => (step - output.zero) * output.scale);
  };
}

function toInput(values, { dtype, scale, zero }) {
  if (dtype === "float32") return Float32Array.from(values);
  return Uint8Array.from(values, (value) =>
    Math.min(Math.max(roundToEven(value / scale) + zero, 0), 255),
  );
}

/** The place of the largest value. */
export function likeliest(probabilities) {
  let best = 0;
  for (let index = 1; index < probabilities.length; index++) {
    if (probabilities[index] > probabilities[best]) best = index;
  }
  return best;
}
