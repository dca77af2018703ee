// Compares a model's answers here with those that Keras gave when the page was made.

import { likeliest } from "./classify.js";

/**
 * Run a model on images of the test split.
 *
 * @param classify What `openModel` gives.
 * @param samples The images' `pixels`, one after the other, and their `labels`.
 * @param answers Keras's probabilities, one image after the other.
 * @param told Called after each image with how many are done.
 * @returns The numbers of images, of those with the same class as Keras's, and of
 *   correct ones; and the largest difference of a probability.
 */
export async function runSelfTest(classify, samples, answers, told) {
  const number = samples.labels.length;
  const size = samples.pixels.length / number;
  const classes = answers.length / number;
  let [agreeing, correct, difference] = [0, 0, 0];
  for (let index = 0; index < number; index++) {
    const image = samples.pixels.subarray(index * size, (index + 1) * size);
    const expected = answers.subarray(index * classes, (index + 1) * classes);
    const found = await classify(image);
    agreeing += likeliest(found) === likeliest(expected);
    correct += likeliest(found) === samples.labels[index];
    for (let place = 0; place < classes; place++) {
      const distance = Math.abs(found[place] - expected[place]);
      // A number that is none is as far from Keras's as can be.
      difference = Math.max(difference, Number.isNaN(distance) ? 1 : distance);
    }
    await told(index + 1);
  }
  return { number, agreeing, correct, difference };
}

/** Whether a result is within what was accepted when the page was made. */
export function isWithin(result, { max_difference, max_differing }) {
  if (max_difference !== null) return result.difference <= max_difference;
  return result.number - result.agreeing <= max_differing;
}
