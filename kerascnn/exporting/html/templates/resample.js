// Resizing as Pillow does it for 8 bits a channel, to the bit: `kerascnn predict` makes its
// images with Pillow. After src/libImaging/Resample.c and Reduce.c of
// https://github.com/python-pillow/Pillow (version 13; older ones take rows always first).
//
// An image is {width, height, channels, data}, its data a Uint8Array, row by row.

const PRECISION_BITS = 22;

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));

export const FILTERS = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const a = -0.5;
      x = Math.abs(x);
      if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
      return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
    },
  },
  lanczos: {
    support: 3,
    weight: (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0),
  },
};

/** Resize to a width and a height; where `gap` is given, reduce far larger images first. */
export function resize(image, width, height, filter, gap = null) {
  if (image.width === width && image.height === height) return image;
  let [right, bottom] = [image.width, image.height];
  if (gap !== null) {
    const across = Math.trunc(right / width / gap) || 1;
    const down = Math.trunc(bottom / height / gap) || 1;
    if (across > 1 || down > 1) {
      image = reduce(image, across, down);
      // Pillow has these in 32 bits.
      [right, bottom] = [right / across, bottom / down].map(Math.fround);
    }
  }
  const rows = (from) =>
    width === from.width && right === width
      ? from
      : resampleRows(from, width, right, FILTERS[filter]);
  const columns = (from) =>
    height === from.height && bottom === height
      ? from
      : transpose(resampleRows(transpose(from), height, bottom, FILTERS[filter]));
  return hasColumnsFirst(image, width, height)
    ? rows(columns(image))
    : columns(rows(image));
}

/** Pixels are rounded between the passes, so that their order matters. */
function hasColumnsFirst(image, width, height) {
  const [lost, narrower] = [image.height - height, image.width - width];
  return lost > 0 && lost > 2 * narrower;
}

/** Average cells of so many pixels; at the right and at the bottom they may be smaller. */
export function reduce(image, across, down) {
  const width = Math.ceil(image.width / across);
  const height = Math.ceil(image.height / down);
  const { channels } = image;
  const data = new Uint8Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const bottom = Math.min((y + 1) * down, image.height);
    for (let x = 0; x < width; x++) {
      const right = Math.min((x + 1) * across, image.width);
      const count = (bottom - y * down) * (right - x * across);
      const multiplier = Math.trunc(Math.fround(2 ** 32 / (256 * count)));
      for (let channel = 0; channel < channels; channel++) {
        let sum = Math.trunc(count / 2);
        for (let row = y * down; row < bottom; row++) {
          for (let column = x * across; column < right; column++) {
            sum += image.data[(row * image.width + column) * channels + channel];
          }
        }
        data[(y * width + x) * channels + channel] = (sum * multiplier) / 2 ** 24;
      }
    }
  }
  return { width, height, channels, data };
}

/** Resample each row to a width, from the part of it that ends at `right`. */
function resampleRows(image, width, right, filter) {
  const { height, channels } = image;
  const data = new Uint8Array(width * height * channels);
  const pixels = coefficients(image.width, width, right, filter);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const { first, weights } = pixels[x];
      for (let channel = 0; channel < channels; channel++) {
        let sum = 2 ** (PRECISION_BITS - 1);
        for (let index = 0; index < weights.length; index++) {
          const place = (y * image.width + first + index) * channels + channel;
          sum += image.data[place] * weights[index];
        }
        const value = Math.floor(sum / 2 ** PRECISION_BITS);
        data[(y * width + x) * channels + channel] = Math.min(Math.max(value, 0), 255);
      }
    }
  }
  return { width, height, channels, data };
}

/** For each new pixel, the first old one and the weights from there, as whole numbers. */
function coefficients(oldSize, newSize, right, filter) {
  const scale = right / newSize;
  const filterScale = Math.max(scale, 1);
  const support = filter.support * filterScale;
  return Array.from({ length: newSize }, (_, index) => {
    const center = (index + 0.5) * scale;
    const first = Math.max(Math.trunc(center - support + 0.5), 0);
    const end = Math.min(Math.trunc(center + support + 0.5), oldSize);
    const weights = [];
    let total = 0;
    for (let place = first; place < end; place++) {
      const weight = filter.weight((place - center + 0.5) * (1 / filterScale));
      weights.push(weight);
      total += weight;
    }
    return {
      first,
      weights: weights.map((weight) => {
        const part = (total === 0 ? weight : weight / total) * 2 ** PRECISION_BITS;
        return Math.trunc(part < 0 ? part - 0.5 : part + 0.5);
      }),
    };
  });
}

function transpose({ width, height, channels, data }) {
  const turned = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        turned[(x * height + y) * channels + channel] =
          data[(y * width + x) * channels + channel];
      }
    }
  }
  return { width: height, height: width, channels, data: turned };
}
