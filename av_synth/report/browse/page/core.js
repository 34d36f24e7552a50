"use strict";
// What all parts share: elements, the address, and where data comes from. Everything hangs on one name, AV.

const AV = {
  // how much was done, for whoever wants to know whether a list of thousands costs too much
  work: { cards: 0, filters: 0 },
  cards: [],
  byId: new Map(),
  total: 0,
  title: "",
  kind: "",
  colours: {},
  weather: [],
};

// An element: `what` are properties, or attributes where their names have a dash or it is an SVG; text is never HTML.
AV.make = (tag, what = {}, ...children) => {
  const [name, ...classes] = tag.split(".");
  const svg = AV.SVG.has(name);
  const element = svg ? document.createElementNS("http://www.w3.org/2000/svg", name) : document.createElement(name);
  if (classes.length) element.setAttribute("class", classes.join(" "));
  for (const [key, value] of Object.entries(what)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (svg || key.includes("-") || key === "for" || key === "role") element.setAttribute(key, value);
    else element[key] = value;
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
};
AV.SVG = new Set(["svg", "path", "line", "circle", "rect", "g", "text", "polyline", "title"]);

// The address after #: what is filtered, sorted and open, so that a view can be sent to somebody.
AV.address = {
  read: () => new URLSearchParams(location.hash.slice(1)),
  // `step` leaves the view before behind the browser's Back
  write: (parameters, step = false) => {
    const text = `#${parameters}`;
    if (text === location.hash || (text === "#" && !location.hash)) return;
    history[step ? "pushState" : "replaceState"](null, "", text);
  },
};

// Data from the server that this page is from; `AV.files` in its place where the page was written as files.
AV.server = {
  url: (...parts) => parts.map((part) => encodeURIComponent(part)).join("/"),
  async json(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error(await answer.text());
    return answer.json();
  },
  index: (from) => AV.server.json(`api/scenes?from=${from}`),
  scene: (id) => AV.server.json(AV.server.url("api", "scene", id)),
  async points(id, frame) {
    const answer = await fetch(AV.server.url("points", id, frame));
    if (!answer.ok) throw new Error(await answer.text());
    return new Int16Array(await answer.arrayBuffer());
  },
  picture: (id, frame, channel) => AV.server.url("picture", id, frame, channel),
  thumbnail: (id) => AV.server.url("thumbnail", id),
  strip: (id) => AV.server.url("strip", id),
  viewer: (id) => AV.server.url("viewer", id),
};

// Data from files beside the page: a browser lets no page of file:// fetch, but scripts of it may come and say what
// they have by `AV.files.take`.
AV.files = {
  waiting: new Map(),
  take: (name, value) => AV.files.waiting.get(name)(value),
  load: (name) =>
    new Promise((done, failed) => {
      AV.files.waiting.set(name, done);
      const script = AV.make("script", { src: `data/${name}.js`, onerror: () => failed(new Error(`no data/${name}.js`)) });
      script.addEventListener("load", () => script.remove());
      document.head.append(script);
    }),
  place: (id) => String(AV.byId.get(id).place).padStart(5, "0"),
  async index(from) {
    return from ? { scenes: [] } : AV.files.load("index");
  },
  scene: (id) => AV.files.load(`scene-${AV.files.place(id)}`),
  async points(id, frame) {
    const text = atob(await AV.files.load(`points-${AV.files.place(id)}-${frame}`));
    return new Int16Array(Uint8Array.from(text, (letter) => letter.charCodeAt(0)).buffer);
  },
  picture: (id, frame, channel, number) => `pictures/${AV.files.place(id)}/${frame}-${number}.jpg`,
  thumbnail: (id) => `small/${AV.files.place(id)}.jpg`,
  strip: (id) => `small/${AV.files.place(id)}-strip.jpg`,
  viewer: () => null,
};

AV.data = document.documentElement.dataset.files === undefined ? AV.server : AV.files;

AV.words = {
  seconds: (value) => `${value < 10 ? value.toFixed(2) : value.toFixed(0)} s`,
  metres: (value) => `${value < 10 ? value.toFixed(1) : value.toFixed(0)} m`,
  number: (value) => value.toLocaleString("en"),
  count: (value, what) => `${AV.words.number(value)} ${what}${value === 1 ? "" : "s"}`,
};

// Names of nuScenes' levels of visibility; of a run, 0 is what is in no camera's field of view.
AV.LEVELS = ["not said", "0–40 %", "40–60 %", "60–80 %", "80–100 %"];
