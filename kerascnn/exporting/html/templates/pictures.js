// Pictures from files, from the clipboard and from a camera, as pixels.

// Phones have no larger canvases.
const MOST_PIXELS = 2 ** 24;

/** The pixels of a picture's file: {width, height, data}, upright, as it was stored. */
export async function readPicture(file) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    });
  } catch {
    const name = file.name ? `${file.name} is` : "That is";
    throw new Error(
      `${name} no picture that this browser can read. Give a PNG, JPEG, WebP, GIF or ` +
        "BMP file.",
    );
  }
  const factor = Math.min(1, Math.sqrt(MOST_PIXELS / (bitmap.width * bitmap.height)));
  const picture = pixelsOf(
    bitmap,
    Math.max(1, Math.floor(bitmap.width * factor)),
    Math.max(1, Math.floor(bitmap.height * factor)),
  );
  bitmap.close();
  return picture;
}

/** The pixels of what a video shows now: the square in its middle. */
export function readVideo(video) {
  const side = Math.min(video.videoWidth, video.videoHeight);
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [side, side];
  const context = canvas.getContext("2d");
  const [left, top] = [(video.videoWidth - side) / 2, (video.videoHeight - side) / 2];
  context.drawImage(video, left, top, side, side, 0, 0, side, side);
  return context.getImageData(0, 0, side, side);
}

/** The first picture in what was dropped or pasted; null where there is none. */
export function pictureIn(transfer) {
  const files = [...(transfer?.files ?? [])];
  return files.find((file) => file.type.startsWith("image/")) ?? files[0] ?? null;
}

/** Draw an image of one or three channels on a canvas, pixel by pixel. */
export function show(canvas, { width, height, channels, data }) {
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const pixels = context.createImageData(width, height);
  for (let place = 0; place < width * height; place++) {
    for (let channel = 0; channel < 3; channel++) {
      const value = data[place * channels + (channels === 3 ? channel : 0)];
      pixels.data[4 * place + channel] = value;
    }
    pixels.data[4 * place + 3] = 255;
  }
  context.putImageData(pixels, 0, 0);
}

function pixelsOf(source, width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
