// Makes a picture into an image like those that a network was trained on: what
// kerascnn/data/pictures.py does for `predict`, save for the search for a drawing in a
// photograph of paper.

import { reduce, resize } from "./resample.js";

// Brightness above the background that is a part of the drawing.
const INK = 64;
// Larger pictures are reduced by a whole number first.
const ENOUGH_PIXELS = 2 ** 24;
// Far larger pictures are reduced before they are filtered.
const REDUCING_GAP = 2;
// Photographs are looked at in this size, and smaller ones than the second are none.
const PHOTOGRAPH_SIDE = 512;
const SMALLEST_SIDE = 64;
// How much the edge of a clean picture varies, how much drawings differ from it, and how
// thick their strokes are at most, as a share of the longer side.
const CLEAN_LEVELS = 4;
const CLEAN_SHARE = 0.95;
const DRAWN_LEVELS = 32;
const SOLID = 0.35;

/**
 * Fit a picture.
 *
 * @param picture {width, height, data}, four channels: red, green, blue, alpha.
 * @param data What the network takes: height, width, channels; background, box and
 *   resize, as in the facts of a data set, or null.
 * @returns The image, whether light and dark were exchanged, and whether the picture is
 *   one in which `kerascnn predict` would look for a drawing.
 */
export function fitPicture(picture, data) {
  const { height, width, channels } = data;
  const color = opaque(picture);
  let image = channels === 1 ? gray(color) : color;
  const squared = data.resize !== null && height === width;
  const factor = Math.ceil(Math.sqrt((image.width * image.height) / ENOUGH_PIXELS));
  if (factor > 1 && !squared) image = reduce(image, factor, factor);
  const isOwnSize = image.width === width && image.height === height;
  const box = channels === 1 && !isOwnSize ? data.box : null;
  const paper = box !== null && isPhotograph(image);
  let edge = middleOfEdge(image);
  const level = edge.reduce((sum, value) => sum + value, 0) / edge.length;
  const inverted =
    data.background !== null && Math.abs(level - data.background) > 127;
  if (inverted) {
    image = { ...image, data: image.data.map((value) => 255 - value) };
    edge = edge.map((value) => 255 - value);
  }
  if (box !== null) image = centered(above(image, edge[0]), box, width, height);
  else if (!isOwnSize && squared) image = toSquare(image, height, data.resize);
  else if (!isOwnSize) image = padded(image, edge, width, height);
  return { image, inverted, paper };
}

/** What is transparent becomes white around dark drawings and black around light ones. */
function opaque({ width, height, data }) {
  const pixels = new Uint8Array(width * height * 3);
  let [drawn, sum] = [0, 0];
  for (let place = 0; place < data.length; place += 4) {
    if (data[place + 3] > 127) {
      drawn += 1;
      sum += brightness(data[place], data[place + 1], data[place + 2]);
    }
  }
  const behind = drawn > 0 && sum / drawn > 127 ? 0 : 255;
  for (let place = 0, to = 0; place < data.length; place += 4) {
    const alpha = data[place + 3];
    for (let channel = 0; channel < 3; channel++) {
      // As Pillow composes, in whole numbers.
      const mixed = (data[place + channel] * alpha + behind * (255 - alpha)) * 128;
      const rounded = mixed + 2 ** 14;
      pixels[to++] = ((rounded >> 8) + rounded) >> 15;
    }
  }
  return { width, height, channels: 3, data: pixels };
}

function gray({ width, height, data }) {
  const pixels = new Uint8Array(width * height);
  for (let index = 0, from = 0; index < pixels.length; index++, from += 3) {
    pixels[index] = brightness(data[from], data[from + 1], data[from + 2]);
  }
  return { width, height, channels: 1, data: pixels };
}

function brightness(red, green, blue) {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

/** The values of the outermost pixels of a channel; the corners are there twice. */
function rimOf({ width, height, channels, data }, channel) {
  const at = (x, y) => data[(y * width + x) * channels + channel];
  const values = [];
  for (let x = 0; x < width; x++) values.push(at(x, 0), at(x, height - 1));
  for (let y = 0; y < height; y++) values.push(at(0, y), at(width - 1, y));
  return values;
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The middle brightness of the outermost pixels, for each channel, in whole numbers. */
function middleOfEdge(image) {
  return Array.from({ length: image.channels }, (_, channel) =>
    Math.trunc(median(rimOf(image, channel))),
  );
}

/** Whether what is around is not of one brightness, or what is drawn is no strokes. */
function isPhotograph(image) {
  const longer = Math.max(image.width, image.height);
  if (longer < SMALLEST_SIDE) return false;
  const factor = Math.min(1, PHOTOGRAPH_SIDE / longer);
  const sides = [image.width, image.height].map((side) =>
    Math.max(1, Math.round(side * factor)),
  );
  const small = resize(image, ...sides, "box");
  const rim = rimOf(small, 0);
  const level = median(rim);
  const clean = rim.filter((value) => Math.abs(value - level) <= CLEAN_LEVELS);
  if (clean.length / rim.length < CLEAN_SHARE) return true;
  return thicknessOfDrawn(small, level) > SOLID;
}

/** Of strokes, as a share of their longer side: four times the mean depth in them. */
function thicknessOfDrawn({ width, height, data }, level) {
  const isDrawn = (x, y) =>
    x >= 0 && x < width && Math.abs(data[y * width + x] - level) > DRAWN_LEVELS;
  // How far it is to the end of the stroke upwards or downwards.
  const depths = new Float64Array(width * height);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let x = 0; x < width; x++) {
    for (let y = 0, depth = 0; y < height; y++) {
      depth = isDrawn(x, y) ? depth + 1 : 0;
      depths[y * width + x] = depth;
      if (depth > 0) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
    for (let y = height - 1, depth = 0; y >= 0; y--) {
      depth = isDrawn(x, y) ? depth + 1 : 0;
      depths[y * width + x] = Math.min(depths[y * width + x], depth);
    }
  }
  if (right < 0) return 0;
  const depthAt = (x, y) => (isDrawn(x, y) ? depths[y * width + x] : 0);
  let [sum, count] = [0, 0];
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) {
      if (!isDrawn(x, y)) continue;
      let nearest = depths[y * width + x] ** 2;
      for (let away = 1; away ** 2 < nearest; away++) {
        const beside = Math.min(depthAt(x - away, y), depthAt(x + away, y));
        nearest = Math.min(nearest, away ** 2 + beside ** 2);
      }
      sum += Math.sqrt(nearest);
      count += 1;
    }
  }
  return (4 * sum) / count / (Math.max(right - left, bottom - top) + 1);
}

/** Cut out what is brighter than a level; it may be nothing. */
function above({ width, height, data }, level) {
  let brightest = 0;
  for (const value of data) brightest = Math.max(brightest, value - level);
  const factor = 255 / Math.max(brightest, INK);
  let [left, top, right, bottom] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((data[y * width + x] - level) * factor > INK) {
        [left, right] = [Math.min(left, x), Math.max(right, x)];
        [top, bottom] = [Math.min(top, y), Math.max(bottom, y)];
      }
    }
  }
  if (right < 0) return { width: 1, height: 1, channels: 1, data: new Uint8Array(1) };
  const inner = { width: right - left + 1, height: bottom - top + 1, channels: 1 };
  inner.data = new Uint8Array(inner.width * inner.height);
  for (let y = 0; y < inner.height; y++) {
    for (let x = 0; x < inner.width; x++) {
      const value = Math.max(data[(top + y) * width + left + x] - level, 0);
      inner.data[y * inner.width + x] = Math.trunc(value * factor);
    }
  }
  return inner;
}

/** Fit a drawing into a box, and center it by its mass. */
function centered(drawing, box, width, height) {
  const longer = Math.max(drawing.width, drawing.height);
  const factor = Math.min(box, width, height) / longer;
  const sides = [drawing.width, drawing.height].map((side) =>
    Math.max(1, roundToEven(side * factor)),
  );
  const small = resize(drawing, ...sides, factor < 1 ? "box" : "bicubic");
  let [mass, across, down] = [0, 0, 0];
  for (let y = 0; y < small.height; y++) {
    for (let x = 0; x < small.width; x++) {
      const value = small.data[y * small.width + x];
      [mass, across, down] = [mass + value, across + value * x, down + value * y];
    }
  }
  mass = Math.max(mass, 1);
  const left = place(width, across / mass, small.width);
  const top = place(height, down / mass, small.height);
  return paste(small, [0], width, height, left, top);
}

/** Where a length begins whose middle is to be that of a side, all of it inside. */
function place(side, middle, length) {
  return Math.min(Math.max(roundToEven(side / 2 - middle), 0), side - length);
}

/** As a folder of pictures was read for the training. */
function toSquare(image, side, how) {
  if (how === "pad") {
    const color = middleOfEdge(image);
    const factor = side / Math.max(image.width, image.height);
    const [width, height] = [image.width, image.height].map((length) =>
      Math.max(1, roundToEven(length * factor)),
    );
    const inner = resize(image, width, height, "lanczos", REDUCING_GAP);
    const [left, top] = [(side - width) >> 1, (side - height) >> 1];
    return paste(inner, color, side, side, left, top);
  }
  if (how === "crop") {
    const length = Math.min(image.width, image.height);
    const [left, top] = [(image.width - length) >> 1, (image.height - length) >> 1];
    image = crop(image, left, top, length);
  }
  return resize(image, side, side, "lanczos", REDUCING_GAP);
}

/** Scale to fit, with the color of the edge around. */
function padded(image, color, width, height) {
  let [newWidth, newHeight] = [width, height];
  if (image.width / image.height > width / height) {
    newHeight = roundToEven((image.height / image.width) * width);
  } else if (image.width / image.height < width / height) {
    newWidth = roundToEven((image.width / image.height) * height);
  }
  // Of a line that would be thinner than half a pixel nothing is left.
  if (Math.min(newWidth, newHeight) === 0) {
    return paste({ ...image, height: 0 }, color, width, height, 0, 0);
  }
  const inner = resize(image, newWidth, newHeight, "lanczos");
  const left = roundToEven((width - inner.width) * 0.5);
  const top = roundToEven((height - inner.height) * 0.5);
  return paste(inner, color, width, height, left, top);
}

function crop({ width, channels, data }, left, top, side) {
  const inner = new Uint8Array(side * side * channels);
  for (let y = 0; y < side; y++) {
    const from = ((top + y) * width + left) * channels;
    inner.set(data.subarray(from, from + side * channels), y * side * channels);
  }
  return { width: side, height: side, channels, data: inner };
}

/** An image on a ground of one color. */
function paste(image, color, width, height, left, top) {
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let index = 0; index < data.length; index++) data[index] = color[index % channels];
  for (let y = 0; y < image.height; y++) {
    const row = image.data.subarray(
      y * image.width * channels,
      (y + 1) * image.width * channels,
    );
    data.set(row, ((top + y) * width + left) * channels);
  }
  return { width, height, channels, data };
}

/** Halves go to the even number, as in Python. */
export function roundToEven(value) {
  const lower = Math.floor(value);
  if (value - lower !== 0.5) return Math.round(value);
  return lower % 2 === 0 ? lower : lower + 1;
}
