// Runs a model of a page in Node, by the page's own scripts:
//
//     node html_runner.js PAGE MEMBER DESCRIPTOR
//
// It writes a line of JSON to the file DESCRIPTOR: the shapes, or an error. Then it reads
// batches from standard input, a number of images (32 bits) and their pixels (float32),
// and writes their probabilities (float32), until the input ends.

"use strict";

const fs = require("node:fs");
const vm = require("node:vm");

const [path, member, descriptor] = process.argv.slice(2);
const answers = Number(descriptor);

main().catch((error) => {
  const reason = String(error?.message ?? error);
  fs.writeSync(answers, `${JSON.stringify({ error: reason })}\n`);
  process.exitCode = 1;
});

async function main() {
  const page = fs.readFileSync(path, "utf8");
  const data = JSON.parse(blockOf(page, "page-data"));
  const facts = data.models[member];
  if (facts === undefined) throw new Error(`it has ${data.models.length} models`);
  // The names that the loader looks for in Node.
  Object.assign(globalThis, { require, __dirname: "", self: globalThis });
  for (const name of ["loader", "engine"]) {
    vm.runInThisContext(blockOf(page, name), { filename: `${name}.js` });
  }
  const { kerascnn } = globalThis;
  await kerascnn.startRuntime(blockOf(page, "wasm"));
  const classify = await kerascnn.openModel(blockOf(page, `file-${member}`), facts);
  const { height, width, channels, class_names } = data.data;
  const shapes = {
    input_shape: [1, height, width, channels],
    output_shape: [1, class_names.length],
  };
  fs.writeSync(answers, `${JSON.stringify(shapes)}\n`);
  const size = height * width * channels;
  for (;;) {
    const header = read(4);
    if (header === null) return;
    const number = header.readUInt32LE();
    const parts = [];
    for (let index = 0; index < number; index++) {
      const bytes = read(4 * size);
      const values = new Float32Array(bytes.buffer, bytes.byteOffset, size);
      parts.push(Buffer.from((await classify(values)).buffer));
    }
    write(Buffer.concat(parts)); // not before all is read: the other side writes first
  }
}

/** What stands in one of the page's scripts. */
function blockOf(page, id) {
  const begin = page.indexOf(`id="${id}">`, page.indexOf("</footer>"));
  const end = page.indexOf("</script>", begin);
  if (begin < 0 || end < 0) throw new Error("it is not a page of kerascnn, or damaged");
  return page.slice(page.indexOf(">", begin) + 1, end);
}

/** So many bytes of standard input; null at its end. */
function read(length) {
  const bytes = Buffer.from(new ArrayBuffer(length));
  let filled = 0;
  while (filled < length) {
    const count = fs.readSync(0, bytes, filled, length - filled, null);
    if (count === 0) return null;
    filled += count;
  }
  return bytes;
}

function write(bytes) {
  let written = 0;
  while (written < bytes.length) written += fs.writeSync(answers, bytes, written);
}
