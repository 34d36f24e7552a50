// What stands beside the scene: who is followed and how they fare, switches, the list of everybody, small pictures.

import { css } from "./plots.js";

export const $ = (id) => document.getElementById(id);

export function make(tag, properties = {}, ...children) {
  const { dataset, ...plain } = properties, element = Object.assign(document.createElement(tag), plain);
  Object.assign(element.dataset, dataset);
  element.append(...children);
  return element;
}

const fixed = (value, digits = 2) => (Math.abs(value) < 0.5 * 10 ** -digits ? 0 : value).toFixed(digits);
const LAYERS = { boxes: "boxes", lidar: "lidar", structure: "structure", town: "roads", trails: "trails", frusta: "camera frusta", strip: "pictures" };
const LEVELS = ["in no camera's view", "0 to 40 %", "40 to 60 %", "60 to 80 %", "80 to 100 %"];

export function heading(data) {
  const { run } = data;
  $("title").textContent = `${run.scenario}, seed ${run.seed}`;
  document.title = $("title").textContent;
  const sun = run.weather.sun_altitude_angle, wet = run.weather.precipitation;
  const sky = sun === undefined ? "" : `${sun < 0 ? "night" : "sun at " + fixed(sun, 0) + "°"}${wet > 0 ? `, rain ${fixed(wet, 0)} %` : ""}${run.weather.fog_density > 0 ? `, fog ${fixed(run.weather.fog_density, 0)} %` : ""}`;
  $("facts").textContent = [run.town, sky, run.rig || "no sensors", `run ${run.id}`].filter(Boolean).join("  ·  ");
  $("description").textContent = $("description").title = run.description;
  const held = run.expectations.filter((e) => e.held).length, all = run.expectations.length;
  if (!all) return;
  const words = run.expectations.map((e) => `${e.name}: ${typeof e.reached === "number" ? fixed(e.reached) : e.reached === null ? "never" : e.reached ? "yes" : "no"} (asked ${JSON.stringify(e.asked)}: ${e.held ? "held" : "NOT held"})`);
  $("verdict").append(make("span", { className: held === all ? "good" : "bad", textContent: `${held} of ${all} expectations held`, title: words.join("\n") }));
}

// buttons that are on or off: of what is drawn, and of classes
export function switches(data, show, changed) {
  const chip = (name, words, isOn, set, colour) => {
    const button = make("button", { className: "chip", type: "button", dataset: { name } }, words);
    if (colour) { const swatch = make("i"); swatch.style.background = css(colour); button.prepend(swatch); }
    const mark = () => button.setAttribute("aria-pressed", String(isOn()));
    button.onclick = () => { set(!isOn()); mark(); changed(); };
    mark();
    return button;
  };
  const there = { lidar: data.turns.length, structure: data.arrays.structure_kinds.length, frusta: data.cameras.length, strip: data.cameras.length };
  for (const [name, words] of Object.entries(LAYERS)) {
    if (there[name] === 0) { show[name] = false; continue; }
    $("layers").append(chip(name, words, () => show[name], (on) => { show[name] = on; }));
  }
  for (const name of data.classes) {
    const set = (on) => { if (on) show.hidden.delete(name); else show.hidden.add(name); };
    $("classes").append(chip(`class ${name}`, name, () => !show.hidden.has(name), set, data.classColours[name]));
  }
  const refresh = () => { $("layers").replaceChildren(); $("classes").replaceChildren(); switches(data, show, changed); };
  return refresh;
}

export class Cast {
  constructor(data, follow) {
    this.data = data;
    const rank = (a) => (a.ego ? 0 : a.named ? 1 : a.parked ? 3 : 2);
    const order = data.actors.map((_, k) => k).sort((a, b) => rank(data.actors[a]) - rank(data.actors[b]) || a - b);
    this.rows = order.map((k) => {
      const swatch = make("i"), far = make("b"), row = make("li", { title: data.actors[k].type, dataset: { role: data.name(k) } }, swatch, make("span", { textContent: data.name(k) }), far);
      swatch.style.background = css(data.colour(k));
      row.onclick = () => follow(k);
      $("actors").append(row);
      return { k, row, far };
    });
    $("search").oninput = () => this.#find($("search").value.trim().toLowerCase());
  }

  #find(words) {
    for (const { k, row } of this.rows) {
      const { type, category } = this.data.actors[k];
      row.hidden = ![this.data.name(k), type, category].some((text) => text.toLowerCase().includes(words));
    }
  }

  update(frame, followed) {
    const d = this.data, ego = d.isThere(d.ego, frame) ? d.position(d.ego, frame) : null;
    for (const { k, row, far } of this.rows) {
      const there = d.isThere(k, frame);
      row.classList.toggle("followed", k === followed);
      row.classList.toggle("gone", !there);
      far.textContent = there && ego && k !== d.ego ? `${fixed(distance(ego, d.position(k, frame)), 0)} m` : "";
    }
  }
}

const distance = (a, b) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

// what is known of an actor at a frame, as pairs of words
export function stateOf(data, k, frame) {
  if (!data.isThere(k, frame)) return [["", "not there at this time"]];
  const rows = [], heading = data.heading(k, frame), speed = data.speed(k, frame), a = data.acceleration(k, frame), p = data.position(k, frame);
  const along = [Math.cos(heading), Math.sin(heading)];
  rows.push(["Speed", `${fixed(speed)} m/s (${fixed(speed * 3.6, 0)} km/h)`]);
  rows.push(["Acceleration", `${fixed(a[0] * along[0] + a[1] * along[1])} m/s²`]);
  rows.push(["sideways", `${fixed(a[1] * along[0] - a[0] * along[1])} m/s²`]);
  const control = data.control(k, frame);
  if (control) {
    rows.push(["Throttle, brake", `${fixed(control.throttle)}, ${fixed(control.brake)}`]);
    const extra = [control.reverse && "reverse", control.handBrake && "hand brake"].filter(Boolean).join(", ");
    rows.push(["Steer, gear", `${fixed(control.steer)}, ${control.gear}${extra ? `, ${extra}` : ""}`]);
  }
  const lamps = data.lampsAt(k, frame);
  if (lamps) rows.push(["Lamps", lamps.join(", ") || "all off"]);
  if (k !== data.ego && data.isThere(data.ego, frame)) rows.push(["To the ego, origins", `${fixed(distance(p, data.position(data.ego, frame)))} m`]);
  for (const { metric, who, frames, values } of data.metrics) {
    const at = who.includes(k) ? frames.indexOf(frame) : -1;
    if (at < 0) continue;
    const other = who.find((one) => one !== k && one >= 0) ?? -1;
    if (k === data.ego && data.metrics.length > 8 && !data.actors[other]?.named) continue;
    rows.push([`${metric.replace("ttc", "TTC").replace(/_(s|m|mps2?)$/, "").replaceAll("_", " ")}${k === data.ego ? ` to ${data.name(other)}` : ""}`, `${fixed(values[at])} ${unitOf(metric)}`]);
  }
  const label = data.newest(data.boxesOf[k], frame);
  if (label) {
    const when = label.frame === frame ? "" : `, at ${fixed(data.times[label.frame])} s`;
    rows.push(["Visible", `${LEVELS[label.visibility]} (${fixed(100 * label.fraction, 0)} %)${when}`]);
    rows.push(["Points", `${label.lidar} lidar, ${label.radar} radar${when}`]);
    if (label.attribute) rows.push(["Attribute", label.attribute.split(".").pop().replaceAll("_", " ")]);
  }
  const world = p.map((v, n) => v + data.origin[n]);
  rows.push(["Heading", `${fixed((heading * 180) / Math.PI, 0)}°`], ["Place", world.map((v) => fixed(v, 1)).join(", ")]);
  return rows;
}

const unitOf = (metric) => ({ s: "s", m: "m", mps: "m/s", mps2: "m/s²" })[metric.split("_").pop()] ?? "";

export function showState(data, k, frame) {
  const actor = data.actors[k];
  $("who").textContent = data.name(k);
  $("swatch").style.background = css(data.colour(k));
  $("back").hidden = k === data.ego || data.ego < 0;
  const size = actor.size.map((v) => fixed(v, 1)).join(" × ");
  $("kind").textContent = `${[actor.category || "no nuScenes category", actor.type, `id ${actor.id}`].join("  ·  ")}`;
  $("kind").title = `${$("kind").textContent}, ${size} m, instance ${actor.instance}`;
  $("values").replaceChildren(...stateOf(data, k, frame).map(([name, value]) => make("div", {}, make("dt", { textContent: name }), make("dd", { textContent: value }))));
}

// the events that were last, for two seconds
export function showMoment(data, frame) {
  const last = data.newest(data.events, frame), fresh = last && data.times[frame] - data.times[last.frame] < 2;
  const words = fresh ? data.events.filter((event) => event.frame === last.frame).map(({ words: told, why }) => (why ? `${told}: ${why}` : told)) : [];
  $("moment").textContent = fresh ? `${fixed(data.times[last.frame])} s  ${words.join("; ")}` : "";
}

// the small pictures over the scene, in the order in which one turns around
export class Strip {
  constructor(data, choose) {
    const yaw = ({ pose }) => -Math.atan2(pose[6], pose[2]);
    const turn = (c) => { const y = yaw(c); return y < -2.0 ? y + 2 * Math.PI : y; };
    const order = data.cameras.map((_, k) => k).sort((a, b) => turn(data.cameras[a]) - turn(data.cameras[b]));
    this.shown = data.cameras.map(() => null);
    this.figures = [];
    for (const k of order) {
      const { channel, size } = data.cameras[k], canvas = make("canvas", { width: size[0] > 0 ? 320 : 1, height: Math.round((320 * size[1]) / size[0]) });
      const words = make("figcaption"), figure = make("figure", { title: `look through ${channel}`, dataset: { channel } }, canvas, words);
      figure.onclick = () => choose(k);
      $("pictures").append(figure);
      this.figures[k] = { figure, canvas, words, channel };
    }
  }

  update(data, images, frame, through) {
    this.figures.forEach(({ figure, canvas, words, channel }, k) => {
      figure.classList.toggle("chosen", k === through);
      const held = images[k];
      if (!held) return;
      const late = held.frame === frame ? "" : `  ${fixed(data.times[held.frame])} s`;
      words.textContent = channel.replace(/^CAM_/, "").replaceAll("_", " ").toLowerCase() + late;
      if (this.shown[k] === held) return;
      this.shown[k] = held;
      canvas.getContext("2d").drawImage(held.image, 0, 0, canvas.width, canvas.height);
    });
  }
}
