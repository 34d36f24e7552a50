// What pack.py wrote, and questions to it. Actors and frames are called by their places in the lists.

import { apply, fromPose, headingOf } from "./maths.js";

const TYPES = { Uint8Array, Int8Array, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array };
const STATE = 13; // x y z, w x y z, velocity, acceleration
const CONTROL = 6; // throttle, steer, brake in ten-thousandths, gear, reverse, hand brake
const NOTHING = -32768;

export const bytesOf = (id) => {
  const text = atob(document.getElementById(id).textContent.trim()), bytes = new Uint8Array(text.length);
  for (let k = 0; k < text.length; k++) bytes[k] = text.charCodeAt(k);
  document.getElementById(id).remove();
  return bytes;
};

export async function readData() {
  const unpacked = new Blob([bytesOf("run-data")]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(unpacked).arrayBuffer();
  const length = new DataView(buffer).getUint32(0, true);
  const about = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const arrays = {};
  for (const [name, { type, at, length: count }] of Object.entries(about.arrays)) {
    arrays[name] = new TYPES[type](buffer, 4 + length + at, count);
  }
  return new Data(about, arrays, bytesOf("run-pictures"));
}

// the last place of a rising list whose value is not above x, or -1
export function lastAt(list, x, value = (v) => v) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (value(list[middle]) <= x) low = middle + 1; else high = middle;
  }
  return low - 1;
}

export class Data {
  constructor(about, arrays, pictureBytes) {
    Object.assign(this, about, { arrays });
    this.frames = this.times.length;
    this.duration = this.times[this.frames - 1];
    this.classes = Object.keys(this.classColours).filter((name) => this.actors.some((a) => a.class === name));
    this.boxesOf = this.actors.map(() => []);
    for (const [frame, actor, visibility, fraction, attribute, lidar, radar] of this.boxes) {
      this.boxesOf[actor].push({ frame, visibility, fraction, attribute, lidar, radar });
    }
    this.lampsOf = this.actors.map(() => []);
    for (const [frame, actor, flags] of this.lamps) this.lampsOf[actor].push({ frame, flags });
    this.moves = this.actors.map((_, k) => this.#moves(k));
    this.#points();
    this.#pictures(pictureBytes);
  }

  #moves(actor) {
    const first = this.place(actor, this.range(actor)[0]), states = this.arrays.states;
    for (let f = 0; f < this.frames; f++) {
      const at = this.place(actor, f);
      if (Math.hypot(states[at] - states[first], states[at + 1] - states[first + 1]) > 0.5) return true;
    }
    return false;
  }

  #points() {
    let start = 0;
    for (const turn of this.turns) { turn.start = start; start += turn.count; }
    this.keyTurns = this.turns.filter((turn) => turn.key);
  }

  #pictures(bytes) {
    let at = 0;
    this.picturesOf = this.cameras.map(() => []);
    for (const [camera, frame, length] of this.pictures) {
      this.picturesOf[camera].push({ camera, frame, blob: new Blob([bytes.subarray(at, at + length)], { type: "image/webp" }) });
      at += length;
    }
  }

  place(actor, frame) { return (actor * this.frames + frame) * STATE; }

  isThere(actor, frame) { return actor >= 0 && !Number.isNaN(this.arrays.states[this.place(actor, frame)]); }

  // first and last frame at which an actor is there
  range(actor) {
    let first = 0, last = this.frames - 1;
    while (first < last && !this.isThere(actor, first)) first++;
    while (last > first && !this.isThere(actor, last)) last--;
    return [first, last];
  }

  position(actor, frame) { const at = this.place(actor, frame); return [...this.arrays.states.subarray(at, at + 3)]; }

  turnOf(actor, frame) { const at = this.place(actor, frame); return this.arrays.states.subarray(at + 3, at + 7); }

  velocity(actor, frame) { const at = this.place(actor, frame); return [...this.arrays.states.subarray(at + 7, at + 10)]; }

  acceleration(actor, frame) { const at = this.place(actor, frame); return [...this.arrays.states.subarray(at + 10, at + 13)]; }

  speed(actor, frame) { return Math.hypot(...this.velocity(actor, frame)); }

  heading(actor, frame) { return headingOf(this.turnOf(actor, frame)); }

  // world from the middle of an actor's box
  box(actor, frame) {
    const m = fromPose(this.position(actor, frame), this.turnOf(actor, frame)), c = apply(m, this.actors[actor].box);
    m.set(c, 12);
    return m;
  }

  worldFromEgo(frame) {
    const k = Math.max(0, lastAt(this.arrays.ego_frames, frame)), p = this.arrays.ego_poses.subarray(7 * k, 7 * k + 7);
    return fromPose(p.subarray(0, 3), p.subarray(3, 7));
  }

  control(actor, frame) {
    const at = (actor * this.frames + frame) * CONTROL, row = this.arrays.controls.subarray(at, at + CONTROL);
    if (row[0] === NOTHING) return null;
    const [throttle, steer, brake] = [...row.subarray(0, 3)].map((v) => v / 10000);
    return { throttle, steer, brake, gear: row[3], reverse: row[4] === 1, handBrake: row[5] === 1 };
  }

  // the names of the lamps that are lit, or null if nothing is known
  lampsAt(actor, frame) {
    const k = lastAt(this.lampsOf[actor], frame, (row) => row.frame);
    return k < 0 ? null : this.lampNames.filter((_, bit) => this.lampsOf[actor][k].flags & (1 << bit));
  }

  // the newest of rows with a frame that is not in the future, or null
  newest(rows, frame) { return rows[lastAt(rows, frame, (row) => row.frame)] ?? null; }

  frameAt(seconds) { return Math.max(0, lastAt(this.times, seconds + 1e-4)); }

  // an actor by its role, its id, or the token of its instance
  find(name) {
    const all = this.actors;
    const found = [(a) => a.role === name, (a) => String(a.id) === name, (a) => a.instance === name].map((is) => all.findIndex(is));
    return found.find((k) => k >= 0) ?? -1;
  }

  name(actor) { return actor < 0 ? "" : this.actors[actor].role || `${this.actors[actor].type} ${this.actors[actor].id}`; }

  colour(actor) { return this.actors[actor].ego ? [238, 240, 244] : this.classColours[this.actors[actor].class]; }
}
