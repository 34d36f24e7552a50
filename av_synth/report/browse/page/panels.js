"use strict";
// What is around the pictures of a scene: switches, the list of annotations, and time.

// Switches of boxes. They hold from scene to scene.
AV.makeTools = (changed) => {
  const element = AV.make("div.tools", { role: "toolbar", "aria-label": "Boxes" });
  let before = "3d";
  const set = (how) => {
    if (how !== "off") before = how;
    AV.look.how = how;
    mark();
    changed();
  };
  const press = (button, on) => button.setAttribute("aria-pressed", on);
  let buttons = [];
  const mark = () => buttons.forEach(({ button, on }) => press(button, on()));
  const switched = (set_, value, ...content) => {
    const button = AV.make("button.chip", {
      type: "button",
      onclick: () => {
        set_[set_.has(value) ? "delete" : "add"](value);
        mark();
        changed();
      },
    }, content);
    return { button, on: () => !set_.has(value) };
  };
  const option = (key, words, title) => {
    const button = AV.make("button.chip", {
      type: "button",
      title,
      "data-option": key,
      onclick: () => {
        AV.look[key] = !AV.look[key];
        document.body.classList.toggle(key, AV.look[key]);
        mark();
        changed();
      },
    }, words);
    return { button, on: () => AV.look[key] };
  };
  return {
    element,
    toggle: () => set(AV.look.how === "off" ? before : "off"),
    use({ frames, things }) {
      const boxes = frames.flatMap((frame) => frame.boxes);
      const flat = boxes.some((box) => Object.keys(box.flat).length);
      const ways = AV.WAYS.filter(([how]) => flat || how === "3d" || how === "off").map(([how, words]) => {
        const button = AV.make("button", { type: "button", "data-how": how, onclick: () => set(how) }, words);
        return { button, on: () => AV.look.how === how };
      });
      if (!flat && AV.look.how !== "off") AV.look.how = "3d";
      const levels = [...new Set(boxes.map((box) => box.level))].sort().map((level) => {
        const made = switched(AV.look.hidden.levels, level, AV.make(`i.v${level}`), AV.LEVELS[level]);
        made.button.dataset.level = level;
        return made;
      });
      const present = new Set(boxes.map((box) => things[box.thing].kind));
      const kinds = AV.kinds.filter((kind) => present.has(kind)).map((kind) => {
        const made = switched(AV.look.hidden.kinds, kind, AV.dot(kind), kind);
        made.button.dataset.kind = kind;
        return made;
      });
      const names = option("names", "names", "a name at every box, not only at the one that is pointed at");
      const empty = option("empty", "without points", "boxes that no lidar or radar point is in, which a dataset leaves out");
      const without = boxes.some((box) => !AV.strong(box)) ? [empty] : [];
      buttons = [...ways, ...levels, ...kinds, names, ...without];
      const group = (title, ...parts) => AV.make("span.group", { "aria-label": title }, parts);
      element.replaceChildren(
        group("How", AV.make("span.choice", {}, ways.map(({ button }) => button))),
        group("Seen", AV.make("span.soft", {}, "seen"), levels.map(({ button }) => button)),
        group("Classes", kinds.map(({ button }) => button)),
        group("More", names.button, without.map(({ button }) => button)),
      );
      mark();
    },
  };
};

AV.COLUMNS = [
  ["", "", (box, thing) => [AV.dot(thing.kind), AV.nameOf(thing)]],
  ["m", "from the ego", (box) => box.distance_m.toFixed(1)],
  ["seen", "how much of it the cameras see, or nuScenes' level", (box) => (box.fraction === null ? (AV.LEVELS[box.level] ?? "") : `${Math.round(box.fraction * 100)} %`)],
  ["lidar", "points in its box", (box) => box.lidar_points],
  ["radar", "points in its box", (box) => box.radar_points],
  ["km/h", "speed", (box) => (box.speed_mps === null ? "" : (box.speed_mps * 3.6).toFixed(0))],
  ["l × w × h", "length, width, height, metres", (box) => box.size_lwh_m.map((side) => side.toFixed(1)).join(" × ")],
  ["attribute", "", (box) => box.attribute],
  ["blueprint", "", (_, thing) => thing.facts.blueprint ?? ""],
];

// The annotations of a keyframe, nearest first; one that is clicked stays marked, and says all that is known of it.
AV.makeTable = (point) => {
  const body = AV.make("tbody");
  const heads = AV.COLUMNS.map(([name, title]) => AV.make("th", { title }, name));
  const element = AV.make("div.table", {}, AV.make("table", {}, AV.make("thead", {}, AV.make("tr", {}, heads)), body));
  return {
    element,
    show(frame, things, pinned) {
      const wanted = frame.boxes.filter((box) => AV.look.wants(box, things[box.thing])).sort((a, b) => a.distance_m - b.distance_m);
      heads[0].textContent = AV.words.count(wanted.length, "object");
      const rows = wanted.flatMap((box) => {
        const thing = things[box.thing];
        const row = AV.make(
          `tr${AV.strong(box) ? "" : ".weak"}`,
          { "data-thing": box.thing, onmouseenter: () => point(box.thing), onmouseleave: () => point(null), onclick: (event) => point(box.thing, event) },
          AV.COLUMNS.map(([, , of]) => AV.make("td", {}, of(box, thing))),
        );
        return pinned === box.thing ? [row, AV.make("tr.more", {}, AV.make("td", { colSpan: AV.COLUMNS.length }, AV.facts(box, thing)))] : [row];
      });
      body.replaceChildren(...rows);
    },
  };
};

AV.facts = (box, thing) => {
  const [l, w, h] = box.size_lwh_m;
  const all = {
    category: thing.category,
    attribute: box.attribute,
    "length, width, height": `${l} × ${w} × ${h} m`,
    visibility: AV.LEVELS[box.level],
    ...thing.facts,
    ...box.evidence,
  };
  return AV.pairs(all);
};

AV.pairs = (all) => {
  const said = Object.entries(all).filter(([, value]) => value !== "" && value !== null && value !== undefined);
  return AV.make("dl", {}, said.map(([name, value]) => AV.make("div", {}, AV.make("dt", {}, name.replaceAll("_", " ")), AV.make("dd", {}, AV.plain(value)))));
};

AV.plain = (value) => {
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" && !Number.isInteger(value) ? String(Number(value.toPrecision(6))) : String(value);
};

// What a scene is about, whether it came as its scenario expects, and its parameters.
AV.aboutScene = ({ card, expectations, facts }) => [
  AV.make("p", {}, card.description),
  AV.make("ul", {}, expectations.map(([held, words]) => AV.make(`li.${held ? "held" : "missed"}`, {}, words))),
  AV.pairs({
    "least TTC": card.ttc_s === null ? null : AV.words.seconds(card.ttc_s),
    "least gap": card.distance_m === null ? null : AV.words.metres(card.distance_m),
    "greatest DRAC": card.drac_mps2 === null ? null : `${card.drac_mps2.toFixed(1)} m/s²`,
    "never began": card.never_began.join(", "),
    ...facts,
  }),
];

// Time: a strip of keyframes, a slider, and the least time to collision with what happened.
AV.makeTime = (choose) => {
  const slider = AV.make("input", { type: "range", id: "keyframe", min: 0, step: 1, "aria-label": "Keyframe", oninput: () => choose(Number(slider.value)) });
  const strip = AV.make("div.strip");
  const plot = AV.make("svg.plot", { viewBox: "0 0 1000 40", preserveAspectRatio: "none" });
  const said = AV.make("p.now");
  const events = AV.make("p.events");
  const element = AV.make("footer.time", {}, AV.make("div.line", {}, said, events), plot, slider, strip);
  const most = 5;
  let detail = null;
  slider.addEventListener("keydown", (event) => event.preventDefault()); // the page moves by the same keys

  const nearest = (seconds) => {
    const away = detail.frames.map((frame) => Math.abs(frame.time_s - seconds));
    return away.indexOf(Math.min(...away));
  };

  return {
    element,
    use(newDetail) {
      detail = newDetail;
      const { frames, card } = detail;
      slider.max = Math.max(0, frames.length - 1);
      const seen = card.cameras > 0;
      strip.replaceChildren(
        ...(seen ? frames : []).map((_, k) => {
          const cell = AV.make("button", { type: "button", tabIndex: -1, title: `${frames[k].time_s.toFixed(1)} s`, onclick: () => choose(k) });
          AV.showOfStrip(cell, { ...card, keyframes: frames.length }, k);
          return cell;
        }),
      );
      slider.hidden = !frames.length;
      const [begin, end] = frames.length ? [frames[0].time_s, Math.max(frames.at(-1).time_s, 0.001)] : [0, card.duration_s];
      const x = (seconds) => (1000 * (seconds - begin)) / (end - begin || 1);
      const within = detail.ttc.filter(([t, value]) => t <= end && value <= most);
      const bars = within.map(([t, value]) => AV.make("line.ttc", { x1: x(t).toFixed(1), x2: x(t).toFixed(1), y1: 40, y2: (40 * (value / most)).toFixed(1) }));
      const marks = detail.events.map(([t]) => AV.make("line.event", { x1: x(t).toFixed(1), x2: x(t).toFixed(1), y1: 0, y2: 40 }));
      plot.replaceChildren(...bars, ...marks, ...(frames.length ? [AV.make("line.at", { y1: 0, y2: 40 })] : []));
      plot.toggleAttribute("hidden", !within.length && !marks.length);
      events.replaceChildren(
        ...detail.events.map(([t, words]) => AV.make("button", { type: "button", disabled: !frames.length, onclick: () => choose(nearest(t)) }, AV.make("b", {}, `${t.toFixed(1)} s`), words)),
      );
    },
    show(at) {
      slider.value = at;
      [...strip.children].forEach((cell, k) => cell.classList.toggle("on", k === at));
      const frame = detail.frames[at];
      if (!frame) return;
      const soon = detail.ttc.filter(([t]) => Math.abs(t - frame.time_s) < 0.026).map(([, value]) => value);
      const figures = [`${frame.time_s.toFixed(1)} s`, `keyframe ${at + 1} of ${detail.frames.length}`];
      if (soon.length) figures.push(`TTC ${AV.words.seconds(Math.min(...soon))}`);
      said.textContent = figures.join("  ·  ");
      const now = plot.querySelector(".at");
      const [begin, end] = [detail.frames[0].time_s, detail.frames.at(-1).time_s];
      const x = (1000 * (frame.time_s - begin)) / (end - begin || 1);
      now.setAttribute("x1", x);
      now.setAttribute("x2", x);
      strip.children[at]?.scrollIntoView({ block: "nearest", inline: "nearest" });
    },
  };
};
