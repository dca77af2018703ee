// The page itself: what is drawn, dropped or photographed is fitted, classified by each
// model, and shown. Uses what the engine's script has made global as `kerascnn`.

import { makeDrawing } from "./drawing.js";
import { pictureIn, readPicture, readVideo, show } from "./pictures.js";

// Of more classes the likeliest are shown.
const MOST_BARS = 10;

const byId = (id) => document.getElementById(id);
const page = JSON.parse(byId("page-data").textContent);
const models = page.models.map((facts, index) => ({
  facts,
  card: byId(`model-${index}`),
  classify: null,
}));
const samples = { labels: page.samples.labels, pixels: null };
let drawing = null;
let latest = 0;
let stream = null;

start().catch((error) => {
  say(
    `This browser cannot run the model: ${error.message}. It needs WebAssembly with ` +
      "SIMD and DecompressionStream: Chrome 91, Firefox 113, Safari 16.4, or newer.",
  );
  document.body.dataset.state = "failed";
});

async function start() {
  bind();
  samples.pixels = await kerascnn.unpack(byId("samples").textContent);
  showExamples();
  await kerascnn.startRuntime(byId("wasm").textContent);
  for (const [index, model] of models.entries()) {
    const file = byId(`file-${index}`).textContent;
    model.classify = await kerascnn.openModel(file, model.facts);
    model.card.querySelector(".bars").replaceChildren();
  }
  document.body.dataset.state = "ready";
  byId("self-test").disabled = false;
  say("Ready.");
  if (drawing && !drawing.isEmpty()) await classifyDrawing();
}

function bind() {
  if (page.data.background !== null && page.data.channels === 1) {
    drawing = makeDrawing(byId("canvas"), {
      cursor: byId("cursor"),
      ground: page.data.background,
      width: () => Number(byId("pen").value),
      changed: () => drawing && classifyDrawing(),
      said: say,
    });
    byId("clear").addEventListener("click", () => {
      drawing.clear();
      byId("canvas").focus();
    });
  }
  for (const id of ["file", "photo"]) {
    byId(id).addEventListener("change", (event) => {
      take(event.target.files[0]);
      event.target.value = "";
    });
  }
  const zone = byId("drop");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.add("over");
    });
  }
  for (const name of ["dragleave", "drop"]) {
    document.addEventListener(name, (event) => {
      event.preventDefault();
      zone.classList.remove("over");
    });
  }
  document.addEventListener("drop", (event) => take(pictureIn(event.dataTransfer)));
  document.addEventListener("paste", (event) => {
    const file = pictureIn(event.clipboardData);
    if (file) take(file);
  });
  byId("camera").addEventListener("click", toggleCamera);
  byId("shoot").addEventListener("click", () => {
    classify(readVideo(byId("video")), "The camera's picture");
  });
  byId("self-test").addEventListener("click", testAll);
}

/** Tell what happened, to screen readers as well. */
function say(text) {
  byId("status").textContent = text;
}

async function classifyDrawing() {
  if (drawing.isEmpty()) {
    latest += 1;
    setBusy(false);
    for (const { card } of models) {
      card.querySelector(".bars").replaceChildren();
      card.querySelector(".answer").textContent = "–";
      delete card.dataset.answer;
    }
    const { width, height } = byId("seen");
    byId("seen").getContext("2d").clearRect(0, 0, width, height);
    return;
  }
  await classify(drawing.picture(), "The drawing");
}

async function take(file) {
  if (!file) return say("There was no picture in that.");
  try {
    await classify(await readPicture(file), file.name || "The picture");
  } catch (error) {
    say(error.message);
  }
}

/** Fit a picture, and show what the network sees and what each model says of it. */
async function classify(picture, name) {
  const { image, inverted, paper } = kerascnn.fitPicture(picture, page.data);
  const notes = [];
  if (inverted) notes.push("light and dark were exchanged");
  if (paper) {
    notes.push(
      "this looks like a photograph: kerascnn predict would look for the drawing in " +
        "it, this page does not",
    );
  }
  await showAnswers(image, name, notes);
}

async function showAnswers(image, name, notes) {
  const turn = ++latest;
  setBusy(true);
  show(byId("seen"), image);
  const answers = [];
  for (const model of models) {
    if (model.classify === null) return say("The model is being loaded.");
    const started = performance.now();
    const probabilities = await model.classify(image.data);
    const taken = performance.now() - started;
    if (turn !== latest) return; // something newer is being shown
    answers.push(showAnswer(model, probabilities, taken));
  }
  setBusy(false);
  say([`${name}: ${answers.join("; ")}`, ...notes].join("; ") + ".");
}

/** Whether answers are on their way. */
function setBusy(busy) {
  byId("models").setAttribute("aria-busy", String(busy));
}

function showAnswer({ facts, card }, probabilities, milliseconds) {
  const names = page.data.class_names;
  const order = [...probabilities.keys()];
  if (order.length > MOST_BARS) order.sort((a, b) => probabilities[b] - probabilities[a]);
  const best = kerascnn.likeliest(probabilities);
  const rows = order.slice(0, MOST_BARS).map((place) => {
    const row = document.createElement("li");
    row.classList.toggle("best", place === best);
    const label = document.createElement("span");
    label.textContent = names[place];
    const bar = document.createElement("span");
    bar.className = "bar";
    bar.setAttribute("aria-hidden", "true");
    const filled = document.createElement("span");
    filled.style.width = `${100 * probabilities[place]}%`;
    bar.append(filled);
    const number = document.createElement("span");
    number.className = "number";
    number.textContent = percent(probabilities[place]);
    row.append(label, bar, number);
    return row;
  });
  card.querySelector(".bars").replaceChildren(...rows);
  const answer = `${names[best]}, ${percent(probabilities[best])}`;
  card.querySelector(".answer").textContent = answer;
  card.querySelector(".time").textContent = `${milliseconds.toFixed(1)} ms`;
  card.dataset.answer = best;
  return models.length > 1 ? `${facts.label} says ${answer}` : answer;
}

function limitOf({ max_difference, max_differing }) {
  return max_difference !== null
    ? `A difference of up to ${max_difference} is accepted.`
    : `Up to ${max_differing} other answers are accepted.`;
}

function percent(share) {
  return `${(100 * share).toFixed(1)}%`;
}

function sampleImage(index) {
  const { height, width, channels, class_names } = page.data;
  const size = height * width * channels;
  const data = samples.pixels.subarray(index * size, (index + 1) * size);
  const image = { height, width, channels, data };
  return { image, label: class_names[samples.labels[index]] };
}

function showExamples() {
  for (const index of page.samples.examples) {
    const { image, label } = sampleImage(index);
    const button = document.createElement("button");
    button.type = "button";
    button.className = "example";
    button.setAttribute("aria-label", `Test image of the class ${label}`);
    const canvas = document.createElement("canvas");
    show(canvas, image);
    button.append(canvas);
    button.addEventListener("click", () =>
      showAnswers(image, `A test image of the class ${label}`, []),
    );
    byId("examples").append(button);
  }
}

async function toggleCamera() {
  const [video, shoot, button] = ["video", "shoot", "camera"].map(byId);
  if (stream !== null) {
    stream.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
  } else {
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        video: { facingMode: "environment" },
      });
    } catch (error) {
      const reason = error.name === "NotAllowedError" ? "was not allowed" : "is not there";
      return say(`The camera ${reason} for this page. "Take a picture" asks the phone.`);
    }
    video.srcObject = stream;
    await video.play();
  }
  video.hidden = shoot.hidden = stream === null;
  button.textContent = stream === null ? "Use the camera" : "Stop the camera";
}

/** The self-test of each model, with a line for each. */
async function testAll() {
  const button = byId("self-test");
  button.disabled = true;
  let passed = true;
  byId("results").replaceChildren();
  for (const [index, { facts, classify }] of models.entries()) {
    const line = document.createElement("li");
    byId("results").append(line);
    const answers = await kerascnn.unpackFloats(byId(`answers-${index}`).textContent);
    const number = samples.labels.length;
    const told = async (done) => {
      if (done % 10 !== 0) return;
      line.textContent = `${facts.label}: ${done} of ${number} images`;
      await new Promise((resolve) => setTimeout(resolve)); // lets the page be drawn
    };
    const result = await kerascnn.runSelfTest(classify, samples, answers, told);
    const good = kerascnn.isWithin(result, facts.tolerance);
    passed = passed && good;
    line.className = good ? "passed" : "failed";
    line.textContent =
      `${good ? "Passed" : "Failed"}: ${facts.label} agrees with Keras on ` +
      `${result.agreeing} of ${result.number} test images; the largest difference of a ` +
      `probability is ${result.difference.toExponential(1)}; ${result.correct} are ` +
      `correct (${percent(result.correct / result.number)}). ${limitOf(facts.tolerance)}`;
  }
  document.body.dataset.test = passed ? "passed" : "failed";
  button.disabled = false;
  say(passed ? "The self-test passed." : "The self-test failed.");
}
