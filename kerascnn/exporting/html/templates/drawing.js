// A canvas to draw on by mouse, finger, pen or keyboard.

const STEP = 6;
const LARGE_STEP = 24;
const MOVES = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/**
 * Make a canvas one to draw on.
 *
 * @param canvas The canvas.
 * @param cursor An element that shows where the keyboard's pen is.
 * @param ground The brightness of the ground, 0 or 255; the pen's is the other.
 * @param width Gives the width of the pen, in pixels of the canvas.
 * @param changed Called after each stroke, and after the canvas is cleared.
 * @param said Called with what the keyboard's pen does, for screen readers.
 */
export function makeDrawing(canvas, { cursor, ground, width, changed, said }) {
  const context = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  const ink = ground > 127 ? "#000" : "#fff";
  const pen = { x: canvas.width / 2, y: canvas.height / 2, down: false };
  // Where the pointer that draws was last, and which it is: another finger draws nothing.
  let [last, pointer] = [null, null];

  function clear() {
    context.fillStyle = ground > 127 ? "#fff" : "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    changed();
  }

  function line(from, to) {
    context.strokeStyle = ink;
    context.lineWidth = width();
    context.lineCap = "round";
    context.lineJoin = "round";
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) * canvas.width) / box.width,
      y: ((event.clientY - box.top) * canvas.height) / box.height,
    };
  }

  function showCursor() {
    cursor.style.left = `${(100 * pen.x) / canvas.width}%`;
    cursor.style.top = `${(100 * pen.y) / canvas.height}%`;
    cursor.classList.toggle("down", pen.down);
  }

  canvas.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || last !== null) return;
    pointer = event.pointerId;
    last = at(event);
    line(last, last);
    // An event that a script made has no pointer that could be captured.
    if (event.isTrusted) canvas.setPointerCapture(pointer);
  });
  canvas.addEventListener("pointermove", (event) => {
    if (last === null || event.pointerId !== pointer) return;
    const parts = event.getCoalescedEvents?.() ?? [];
    for (const part of parts.length > 0 ? parts : [event]) {
      const next = at(part);
      line(last, next);
      last = next;
    }
  });
  for (const name of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(name, (event) => {
      if (last === null || event.pointerId !== pointer) return;
      last = null;
      changed();
    });
  }
  canvas.addEventListener("keydown", (event) => {
    if (event.key in MOVES) {
      const step = event.shiftKey ? LARGE_STEP : STEP;
      const [across, down] = MOVES[event.key];
      const from = { ...pen };
      pen.x = Math.min(Math.max(pen.x + across * step, 0), canvas.width);
      pen.y = Math.min(Math.max(pen.y + down * step, 0), canvas.height);
      if (pen.down) line(from, pen);
    } else if (event.key === " ") {
      pen.down = !pen.down;
      if (pen.down) line(pen, pen);
      else changed();
      said(pen.down ? "Pen down." : "Pen up.");
    } else if (event.key === "Delete" || event.key === "Backspace") {
      clear();
      said("Cleared.");
    } else return;
    event.preventDefault();
    showCursor();
  });
  canvas.addEventListener("blur", () => {
    if (pen.down) changed();
    pen.down = false;
    showCursor();
  });
  showCursor();
  clear();
  return {
    clear,
    picture: () => context.getImageData(0, 0, canvas.width, canvas.height),
    isEmpty() {
      const { data } = this.picture();
      return data.every((value, place) => place % 4 === 3 || value === data[0]);
    },
  };
}
