// Events, speeds and a metric over time, on one axis with the slider above them.

const PLOT_FONT = "11px system-ui, sans-serif";
const INK = "#d6dae0", SOFT = "#8b939e", GRID = "rgba(255, 255, 255, 0.07)", MARK = "rgb(255, 196, 61)";
const MOST_SECONDS = 10; // a time to collision beyond it says nothing
export const LEFT = 64, RIGHT = 18;
const EVENTS_HIGH = 34;

const nice = (most) => {
  const power = 10 ** Math.floor(Math.log10(most || 1)), lead = most / power;
  return (lead <= 1 ? 1 : lead <= 2 ? 2 : lead <= 5 ? 5 : 10) * power;
};

export const css = ([r, g, b]) => `rgb(${r}, ${g}, ${b})`;

export class Plots {
  constructor(canvas, data) {
    this.canvas = canvas;
    this.data = data;
    this.pen = canvas.getContext("2d");
    this.end = data.duration || 1;
  }

  x(seconds) { return LEFT + (seconds / this.end) * (this.wide - LEFT - RIGHT); }

  seconds(x) { return Math.min(Math.max((x - LEFT) / (this.wide - LEFT - RIGHT), 0), 1) * this.end; }

  // lines: who has a line in the plot of speeds; metric: the name of what is below
  draw(frame, followed, lines, metric) {
    const { canvas, pen } = this, ratio = devicePixelRatio || 1;
    this.wide = canvas.clientWidth;
    this.high = canvas.clientHeight;
    canvas.width = this.wide * ratio;
    canvas.height = this.high * ratio;
    pen.scale(ratio, ratio);
    pen.font = PLOT_FONT;
    const room = (this.high - EVENTS_HIGH - 18) / 2;
    this.#times(EVENTS_HIGH);
    this.#speeds(EVENTS_HIGH, room - 12, lines, followed);
    this.#metric(EVENTS_HIGH + room + 4, room - 12, metric, followed);
    this.#events();
    this.#cursor(frame);
  }

  #times(top) {
    const { pen } = this, step = nice(this.end / 8);
    pen.textAlign = "center";
    pen.textBaseline = "bottom";
    for (let t = 0; t <= this.end + 1e-6; t += step) {
      pen.strokeStyle = GRID;
      this.#line([[this.x(t), top], [this.x(t), this.high - 14]]);
      pen.fillStyle = SOFT;
      pen.fillText(`${Number(t.toFixed(2))} s`, this.x(t), this.high);
    }
  }

  #axis(top, high, most, name) {
    const { pen } = this;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const share of [0, 0.5, 1]) {
      const y = top + high - share * high;
      pen.strokeStyle = GRID;
      this.#line([[LEFT, y], [this.wide - RIGHT, y]]);
      pen.fillStyle = SOFT;
      pen.fillText(`${Number((share * most).toPrecision(3))}`, LEFT - 6, y);
    }
    pen.save();
    pen.translate(14, top + high / 2);
    pen.rotate(-Math.PI / 2);
    pen.textAlign = "center";
    pen.fillStyle = INK;
    pen.fillText(name, 0, 0);
    pen.restore();
  }

  #speeds(top, high, lines, followed) {
    const d = this.data, each = lines.map((k) => d.times.map((t, f) => [t, d.isThere(k, f) ? d.speed(k, f) : NaN]));
    const most = nice(Math.max(1, ...each.flat().map(([, v]) => v || 0)));
    this.#axis(top, high, most, "m/s");
    lines.forEach((k, n) => this.#curve(each[n], top, high, most, this.#look(k, followed)));
    this.#names(top, lines.map((k) => [d.name(k), this.#look(k, followed)]));
  }

  #metric(top, high, metric, followed) {
    const d = this.data, { pen } = this, series = d.metrics.filter((row) => row.metric === metric);
    const inTime = metric.endsWith("_s"), values = series.flatMap((row) => row.values);
    const most = nice(Math.max(0.1, ...values.map((v) => (inTime ? Math.min(v, MOST_SECONDS) : v))));
    this.#axis(top, high, most, metric ? metric.replace(/_(s|m|mps2?)$/, " $1").replace("ttc", "TTC") : "TTC s");
    if (!series.length) {
      pen.fillStyle = SOFT;
      pen.textAlign = "center";
      pen.fillText("nobody came on a course that a metric is defined for", (LEFT + this.wide - RIGHT) / 2, top + high / 2);
      return;
    }
    const named = [];
    for (const { who, frames, values: all } of series) {
      const other = who.find((k) => k >= 0 && !d.actors[k].ego) ?? who[0], look = this.#look(other, followed);
      if (series.length > 6 && other !== followed && !d.actors[other].named) continue;
      const points = [];
      frames.forEach((f, n) => {
        if (n && f !== frames[n - 1] + 1) points.push([NaN, NaN]);
        points.push([d.times[f], Math.min(all[n], most)]);
      });
      this.#curve(points, top, high, most, look);
      named.push([d.name(other), look]);
    }
    this.#names(top, named);
  }

  #look(actor, followed) {
    return actor === followed ? { colour: MARK, width: 2.4 } : { colour: css(this.data.colour(actor)), width: 1.4 };
  }

  // names of lines, one behind the other from the right; those that find no room are left out
  #names(top, named) {
    const { pen } = this;
    let x = this.wide - RIGHT - 4;
    pen.textAlign = "right";
    pen.textBaseline = "top";
    for (const [words, { colour }] of named.toReversed()) {
      if (x - pen.measureText(words).width < this.wide * 0.55) break;
      const wide = pen.measureText(words).width;
      pen.fillStyle = "rgba(22, 25, 30, 0.8)";
      pen.fillRect(x - wide - 14, top - 1, wide + 18, 14);
      pen.fillStyle = colour;
      pen.fillText(words, x, top);
      pen.fillRect(x - wide - 11, top + 5, 8, 2);
      x -= wide + 24;
    }
  }

  #curve(points, top, high, most, { colour, width }) {
    const { pen } = this;
    pen.strokeStyle = colour;
    pen.lineWidth = width;
    pen.lineJoin = "round";
    pen.beginPath();
    let down = false;
    for (const [t, v] of points) {
      if (Number.isNaN(v)) { down = false; continue; }
      const x = this.x(t), y = top + high - (v / most) * high;
      if (down) pen.lineTo(x, y); else { pen.moveTo(x, y); pen.lineTo(x + 0.5, y); }
      down = true;
    }
    pen.stroke();
    pen.lineWidth = 1;
  }

  #events() {
    const { pen } = this, d = this.data, ends = [-Infinity, -Infinity];
    pen.textBaseline = "middle";
    pen.textAlign = "left";
    pen.strokeStyle = "rgba(255, 196, 61, 0.35)";
    for (const event of d.events) this.#line([[this.x(d.times[event.frame]), 4], [this.x(d.times[event.frame]), this.high - 14]]);
    for (const event of d.events) {
      const x = this.x(d.times[event.frame]), { words } = event, wide = pen.measureText(words).width;
      const left = Math.min(x + 4, this.wide - RIGHT - wide), row = ends.findIndex((end) => end + 8 < left);
      if (row < 0) continue;
      ends[row] = left + wide;
      pen.fillStyle = "rgba(22, 25, 30, 0.8)";
      pen.fillRect(left - 2, 2 + 14 * row, wide + 4, 14);
      pen.fillStyle = MARK;
      pen.fillText(words, left, 9 + 14 * row);
    }
  }

  #cursor(frame) {
    const { pen } = this, x = this.x(this.data.times[frame]);
    pen.strokeStyle = INK;
    pen.lineWidth = 1.5;
    this.#line([[x, 0], [x, this.high - 14]]);
    pen.lineWidth = 1;
  }

  #line([a, b]) {
    this.pen.beginPath();
    this.pen.moveTo(...a);
    this.pen.lineTo(...b);
    this.pen.stroke();
  }
}
