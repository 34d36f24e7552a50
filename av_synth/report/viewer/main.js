// One state (frame, who is followed, what is shown), everything drawn from it, and what changes it.

import { Camera, toPixel, worldFromLens } from "./camera.js";
import { readData } from "./data.js";
import { Labels } from "./labels.js";
import { axis } from "./maths.js";
import { $, Cast, Strip, heading, make, showMoment, showState, switches } from "./panel.js";
import { Plots } from "./plots.js";
import { World } from "./world.js";

const HELD_PICTURES = 90; // decoded
const CLICK_PX = 4;
const HELP = [
  ["Keys", "space plays and stops; ← → one tick, with shift one second; Home and End; 1 2 3 behind, from the side, from above; C looks through the next camera; B boxes, L lidar; Esc back to the ego."],
  ["Mouse", "drag turns, with shift or the right button moves, the wheel comes nearer; a click on a box or in the list follows it. Click in the plots to go there."],
  ["Link", "the address of this page always says time, actor and view (#t=3.20&follow=ego), so that it can be sent around with the file."],
  ["Boxes", "are the actors' own boxes at every tick of the log; the lit face is the front. Visibility, attribute and points are the labels of the last keyframe."],
  ["Lidar", "turns are thinned to keep the file small, points on actors first. Classes are known at keyframes only: by class, the last keyframe's turn is shown."],
  ["Roads", "are from the run's OpenDRIVE: lanes, kerbs, paint, crossings. Heights are those of the reference lines. Structure is what the lidar saw of what belongs to no actor, gathered over the run, one point a voxel: what no beam met is not there."],
  ["Pictures", "are smaller and fewer than the run's. Looking through a camera shows the boxes of the tick of its picture."],
  ["Not here", "signs, the state of traffic lights, radar, instance masks, depth; the run has them."],
];

class Viewer {
  constructor(data) {
    this.data = data;
    this.frame = 0;
    this.follow = Math.max(0, data.ego);
    this.playing = false;
    this.show = { boxes: true, lidar: true, structure: true, town: true, trails: true, frusta: true, strip: true, colour: "class", names: "named", hidden: new Set() };
    this.images = data.cameras.map(() => null);
    this.decoded = new Map();
    this.camera = new Camera(data);
    this.plots = new Plots($("plots"), data);
    this.labels = new Labels($("labels"));
    const gl = $("scene").getContext("webgl2", { antialias: true, preserveDrawingBuffer: false });
    this.world = gl ? new World(gl, data) : null;
    if (!gl) { $("message").hidden = false; $("message").textContent = "This browser has no WebGL2: the scene cannot be drawn. Everything else works."; }
    heading(data);
    this.cast = new Cast(data, (k) => this.followOne(k));
    this.strip = new Strip(data, (k) => this.lookThrough(this.camera.through === k ? -1 : k));
    this.marks = switches(data, this.show, () => this.changed());
    this.#controls();
    this.#mouse();
    this.#keys();
    this.readLink();
    addEventListener("hashchange", () => this.readLink());
    new ResizeObserver(() => this.changed()).observe($("stage"));
    new ResizeObserver(() => this.changed()).observe($("plots"));
  }

  // ask for one drawing at the next opportunity
  changed() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => { this.asked = false; this.draw(); });
  }

  goto(frame) {
    this.frame = Math.min(Math.max(Math.round(frame), 0), this.data.frames - 1);
    this.changed();
  }

  followOne(k) {
    this.follow = k;
    if (!this.data.isThere(k, this.frame)) this.goto(this.data.range(k)[0]);
    this.changed();
  }

  lookThrough(k) { this.camera.through = k; this.changed(); }

  play(on) {
    this.playing = on;
    $("play").textContent = on ? "Pause" : "Play";
    if (!on) { this.changed(); return; }
    if (this.frame === this.data.frames - 1) this.frame = 0;
    const begin = this.data.times[this.frame];
    let start = null;
    const pace = Number($("pace").value);
    const step = (now) => {
      if (!this.playing || this.run !== step) return;
      start ??= now;
      const seconds = begin + ((now - start) / 1000) * pace;
      this.frame = this.data.frameAt(seconds);
      this.draw();
      if (this.frame === this.data.frames - 1) this.play(false); else requestAnimationFrame(step);
    };
    this.run = step;
    requestAnimationFrame(step);
  }

  // the newest picture of each camera, decoded when it is needed first
  #pictures() {
    this.data.picturesOf.forEach((list, k) => {
      const wanted = this.data.newest(list, this.frame) ?? list[0];
      if (!wanted) return;
      const held = this.decoded.get(wanted);
      if (held?.image) { this.images[k] = held; return; }
      if (held) return;
      const entry = { frame: wanted.frame, image: null };
      this.decoded.set(wanted, entry);
      createImageBitmap(wanted.blob).then((image) => { entry.image = image; this.changed(); });
      for (const key of this.decoded.keys()) {
        if (this.decoded.size <= HELD_PICTURES) break;
        this.decoded.delete(key);
      }
    });
  }

  draw() {
    const { data, show, camera } = this;
    this.#pictures();
    const through = camera.through;
    this.sceneFrame = through >= 0 && this.images[through] ? this.images[through].frame : this.frame;
    if (this.world) this.#scene();
    $("slider").value = this.frame;
    $("time").textContent = `${data.times[this.frame].toFixed(2)} s`;
    $("frame").textContent = `tick ${this.frame} of ${data.frames - 1}`;
    showState(data, this.follow, this.frame);
    showMoment(data, this.frame);
    this.cast.update(this.frame, this.follow);
    this.strip.update(data, this.images, this.frame, through);
    $("pictures").hidden = !show.strip;
    const lines = data.actors.map((_, k) => k).filter((k) => (data.actors[k].named && data.moves[k]) || k === this.follow || k === data.ego);
    this.plots.draw(this.frame, this.follow, lines, $("metric").value);
    for (const button of document.querySelectorAll("[data-view]")) button.classList.toggle("on", through < 0 && button.dataset.view === camera.name);
    this.#tellSource();
    if (!this.playing) this.#writeLink();
    document.body.dataset.frame = this.frame;
  }

  #scene() {
    const { data, show, camera } = this, canvas = $("scene"), ratio = devicePixelRatio || 1, frame = this.sceneFrame;
    const width = Math.max(1, Math.round(canvas.clientWidth * ratio)), height = Math.max(1, Math.round(canvas.clientHeight * ratio));
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const lens = camera.through >= 0 ? worldFromLens(data.worldFromEgo(frame), data.cameras[camera.through]) : null;
    this.view = camera.view(...this.#target(frame), width, height, ratio, lens);
    this.world.draw(this.view, { frame, followed: this.follow, show, images: this.images, through: camera.through });
    const rank = (k) => (k === this.follow ? 0 : data.actors[k].named ? 1 : 2), eye = this.view.eye;
    const away = (k) => { const p = data.position(k, frame); return Math.hypot(p[0] - eye[0], p[1] - eye[1]); };
    const who = show.names === "none" ? [] : this.world.visible(frame, show)
      .filter((k) => (show.names === "all" || rank(k) < 2) && !(camera.through >= 0 && data.actors[k].ego))
      .sort((a, b) => rank(a) - rank(b) || away(a) - away(b));
    const stage = $("stage").getBoundingClientRect();
    const taken = ["pictures", "views"].map((id) => $(id).getBoundingClientRect())
      .map((r) => [r.left - stage.left, r.top - stage.top, r.right - stage.left, r.bottom - stage.top]);
    this.labels.draw(this.view, data, this.world, frame, who, this.follow, taken);
  }

  // where who is followed is, and where it points; who is not there yet or any more is where it was
  #target(frame) {
    const [first, last] = this.data.range(this.follow), f = Math.min(Math.max(frame, first), last);
    return [this.data.position(this.follow, f), this.data.heading(this.follow, f)];
  }

  #tellSource() {
    const { data, show } = this, turn = data.newest(show.colour === "class" ? data.keyTurns : data.turns, this.sceneFrame);
    const told = [];
    if (show.lidar && turn) told.push(`lidar of ${data.times[turn.frame].toFixed(2)} s, ${turn.count.toLocaleString("en")} of ${turn.seen.toLocaleString("en")} points`);
    if (this.camera.through >= 0) told.push(`through ${data.cameras[this.camera.through].channel} at ${data.times[this.sceneFrame].toFixed(2)} s`);
    $("source").textContent = told.join("  ·  ");
  }

  #controls() {
    const { data, show } = this;
    $("slider").max = data.frames - 1;
    $("slider").oninput = () => { this.play(false); this.goto(Number($("slider").value)); };
    $("play").onclick = () => this.play(!this.playing);
    $("pace").onchange = () => { if (this.playing) this.play(true); };
    for (const [id, to] of [["first", () => 0], ["previous", () => this.frame - 1], ["next", () => this.frame + 1], ["last", () => data.frames - 1]]) {
      $(id).onclick = () => { this.play(false); this.goto(to()); };
    }
    $("lidar-colour").onchange = () => { show.colour = $("lidar-colour").value; this.changed(); };
    $("label-mode").onchange = () => { show.names = $("label-mode").value; this.changed(); };
    if (!data.keyTurns.length) { show.colour = "intensity"; $("lidar-colour").value = "intensity"; }
    const metrics = [...new Set(data.metrics.map((row) => row.metric))].sort((a, b) => (b === "ttc_s") - (a === "ttc_s") || (a < b ? -1 : 1));
    $("metric").append(...metrics.map((value) => make("option", { value, textContent: value.replace("ttc_s", "TTC (s)").replaceAll("_", " ") })));
    $("metric").hidden = $("metric-label").hidden = metrics.length < 2;
    $("metric").onchange = () => this.changed();
    for (const button of document.querySelectorAll("[data-view]")) button.onclick = () => { this.camera.set(button.dataset.view); this.changed(); };
    $("back").onclick = () => this.followOne(data.ego);
    $("help").append(...HELP.map(([name, words]) => make("p", {}, make("b", { textContent: `${name}: ` }), words)));
    $("keys").onclick = () => { $("help").hidden = !$("help").hidden; };
    const seek = (event) => { this.play(false); this.goto(data.frameAt(this.plots.seconds(event.offsetX) + 0.5 * (data.times[1] ?? 0))); };
    $("plots").onpointerdown = (event) => { $("plots").setPointerCapture(event.pointerId); seek(event); };
    $("plots").onpointermove = (event) => { if (event.buttons & 1) seek(event); };
  }

  #mouse() {
    const canvas = $("scene");
    let from = null, moved = 0;
    canvas.onpointerdown = (event) => { from = [event.clientX, event.clientY]; moved = 0; canvas.setPointerCapture(event.pointerId); canvas.focus({ preventScroll: true }); };
    canvas.onpointermove = (event) => {
      if (!from) return;
      const dx = event.clientX - from[0], dy = event.clientY - from[1];
      moved += Math.abs(dx) + Math.abs(dy);
      if (moved <= CLICK_PX) return;
      from = [event.clientX, event.clientY];
      this.camera.through = -1;
      if (event.buttons & 2 || event.shiftKey) this.camera.pan(dx, dy, canvas.clientHeight); else this.camera.turn(dx, dy);
      this.changed();
    };
    canvas.onpointerup = (event) => {
      if (from && moved <= CLICK_PX && event.button === 0 && this.view) {
        const k = this.world.pick(this.view, event.offsetX * this.view.ratio, event.offsetY * this.view.ratio, this.sceneFrame, this.show, this.camera.through);
        if (k >= 0) this.followOne(k);
      }
      from = null;
    };
    canvas.oncontextmenu = (event) => event.preventDefault();
    canvas.addEventListener("wheel", (event) => { event.preventDefault(); this.camera.zoom(event.deltaY); this.changed(); }, { passive: false });
  }

  #keys() {
    const second = () => Math.max(1, Math.round(1 / ((this.data.times[1] ?? 1) || 1))), toggle = (name) => { this.show[name] = !this.show[name]; this.marks(); };
    const act = {
      " ": () => this.play(!this.playing), Home: () => this.goto(0), End: () => this.goto(this.data.frames - 1),
      1: () => this.camera.set("behind"), 2: () => this.camera.set("side"), 3: () => this.camera.set("above"),
      c: () => { this.camera.through = this.camera.through + 1 < this.data.cameras.length ? this.camera.through + 1 : -1; },
      b: () => toggle("boxes"), l: () => toggle("lidar"), "?": () => $("keys").click(),
      Escape: () => { this.camera.through = -1; $("help").hidden = true; if (this.data.ego >= 0) this.followOne(this.data.ego); },
    };
    addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.altKey || event.metaKey || ["SELECT", "INPUT"].includes(event.target.tagName) && event.target.id !== "slider") return;
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by) { this.play(false); this.goto(this.frame + by * (event.shiftKey ? second() : 1)); } else if (act[event.key]) act[event.key](); else return;
      event.preventDefault();
      this.changed();
    });
  }

  // #t=3.20&follow=van&view=above&camera=CAM_FRONT&lidar=intensity; a dataset's tokens do too: #sample=...&follow=...
  readLink() {
    if (location.hash === this.written) return;
    this.read = location.hash;
    const asked = new URLSearchParams(location.hash.slice(1)), t = Number(asked.get("t"));
    if (asked.get("follow")) { const k = this.data.find(asked.get("follow")); if (k >= 0) this.follow = k; }
    if (asked.get("view")) this.camera.set(["behind", "side", "above"].find((name) => name === asked.get("view")) ?? "behind");
    if (asked.get("camera")) this.camera.through = this.data.cameras.findIndex((c) => c.channel === asked.get("camera"));
    if (["class", "intensity", "height"].includes(asked.get("lidar"))) this.show.colour = $("lidar-colour").value = asked.get("lidar");
    this.goto(this.data.samples[asked.get("sample")] ?? (Number.isFinite(t) ? this.data.frameAt(t) : 0));
  }

  #writeLink() {
    const { camera, data } = this, parts = [`t=${data.times[this.frame].toFixed(2)}`, `follow=${encodeURIComponent(data.name(this.follow))}`];
    if (camera.name && camera.name !== "behind") parts.push(`view=${camera.name}`);
    if (camera.through >= 0) parts.push(`camera=${data.cameras[camera.through].channel}`);
    if (this.show.colour !== "class") parts.push(`lidar=${this.show.colour}`);
    const known = [this.written, this.read];
    this.written = `#${parts.join("&")}`;
    // a link that somebody has just followed, and that is not read yet, is not written over
    if (location.hash !== this.written && known.includes(location.hash)) history.replaceState(null, "", this.written);
  }

  // where an actor's middle is on the page, CSS pixels
  pixelOf(name) {
    const k = this.data.find(name), at = toPixel(this.view, axis(this.data.box(k, this.sceneFrame), 3)), r = $("scene").getBoundingClientRect();
    return at && [r.left + at[0] / this.view.ratio, r.top + at[1] / this.view.ratio];
  }
}

try {
  // for those who look into the page with the browser's console, and for tests
  globalThis.viewer = new Viewer(await readData());
} catch (error) {
  $("message").hidden = false;
  $("message").textContent = `The run cannot be shown: ${error.message}`;
  throw error;
}
