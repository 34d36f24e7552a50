// Names above boxes, drawn on a canvas over the scene. No two of them cover each other.

import { toPixel } from "./camera.js";

const NAME_FONT = "600 12px system-ui, sans-serif";
const HIGH = 18, LIFTS = [0, 1, 2];

export class Labels {
  constructor(canvas) {
    this.canvas = canvas;
    this.pen = canvas.getContext("2d");
  }

  // who: actors in the order in which they get a place; forbidden: areas [x0, y0, x1, y1] where nothing may be written
  draw(view, data, world, frame, who, followed, forbidden) {
    const { canvas, pen } = this, ratio = view.ratio;
    canvas.width = view.width;
    canvas.height = view.height;
    pen.scale(ratio, ratio);
    pen.font = NAME_FONT;
    pen.textBaseline = "middle";
    const taken = forbidden.map((area) => [...area]);
    this.areas = [];
    for (const actor of who) {
      const at = toPixel(view, world.top(actor, frame));
      if (!at || at[2] > view.fog[1] * 0.6) continue;
      const x = at[0] / ratio, y = at[1] / ratio, words = data.name(actor), wide = pen.measureText(words).width + 14;
      if (x < -20 || y < -20 || x > view.width / ratio + 20 || y > view.height / ratio + 20) continue;
      const left = Math.min(Math.max(x - wide / 2, 2), view.width / ratio - wide - 2);
      for (const lift of LIFTS) {
        const bottom = y - 6 - lift * (HIGH + 3), area = [left, bottom - HIGH, left + wide, bottom];
        if (area[1] < 0 || taken.some((t) => area[0] < t[2] + 2 && t[0] < area[2] + 2 && area[1] < t[3] + 2 && t[1] < area[3] + 2)) continue;
        taken.push(area);
        this.areas.push(area);
        this.#plate(area, x, y, words, data.colour(actor), actor === followed);
        break;
      }
    }
  }

  #plate([left, top, right, bottom], x, y, words, [r, g, b], strong) {
    const pen = this.pen;
    pen.strokeStyle = `rgba(${r}, ${g}, ${b}, 0.8)`;
    pen.beginPath();
    pen.moveTo(x, bottom);
    pen.lineTo(x, y);
    pen.stroke();
    pen.fillStyle = strong ? "rgba(255, 196, 61, 0.95)" : "rgba(18, 21, 25, 0.82)";
    pen.beginPath();
    pen.roundRect(left, top, right - left, bottom - top, 4);
    pen.fill();
    pen.strokeStyle = `rgba(${r}, ${g}, ${b}, 0.55)`;
    if (!strong) pen.stroke();
    pen.fillStyle = strong ? "#1a1500" : `rgb(${r}, ${g}, ${b})`;
    pen.fillText(words, left + 7, (top + bottom) / 2 + 0.5);
  }
}
