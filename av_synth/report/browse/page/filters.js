"use strict";
// Which scenes are shown: the filters on the left, each value with how many scenes it would leave.

// `any`: a scene has one value, and several chosen ones widen; else it has several, and each chosen one narrows.
AV.groups = [
  { key: "scenario", title: "Scenario", any: true, of: (card) => (card.scenario ? [card.scenario] : []) },
  { key: "weather", title: "Weather", of: (card) => card.weather, order: (a, b) => AV.weather.indexOf(a) - AV.weather.indexOf(b) },
  { key: "class", title: "Class present", of: (card) => Object.keys(card.classes), order: (a, b) => AV.kinds.indexOf(a) - AV.kinds.indexOf(b) },
  {
    key: "seen",
    title: "Has an object that is seen",
    of: (card) => [1, 2, 3, 4].filter((level) => card.visibility[level - 1]).map(String),
    name: (level) => AV.LEVELS[level],
  },
  {
    key: "contact",
    title: "Contact",
    any: true,
    of: (card) => (card.contact === null ? [] : [card.contact ? "yes" : "no"]),
    name: (value) => (value === "yes" ? "somebody is touched" : "nobody is touched"),
  },
  {
    key: "held",
    title: "Expectations",
    any: true,
    of: (card) => (card.asked ? [card.held === card.asked ? "yes" : "no"] : []),
    name: (value) => (value === "yes" ? "all held" : "not all held"),
  },
  { key: "town", title: "Town", any: true, of: (card) => (card.town ? [card.town] : []) },
  { key: "rig", title: "Rig", any: true, of: (card) => (card.rig ? [card.rig] : []) },
  { key: "problem", title: "Damage", any: true, of: (card) => (card.problem ? ["cannot be read"] : []) },
];

AV.sorts = [
  { key: "", title: "as stored" },
  { key: "ttc", title: "least TTC", of: (card) => card.ttc_s ?? Infinity },
  { key: "distance", title: "nearest", of: (card) => card.distance_m ?? Infinity },
  { key: "drac", title: "greatest DRAC", of: (card) => -(card.drac_mps2 ?? -1) },
  { key: "hidden", title: "most hidden", of: (card) => -AV.share(card, 1) },
  { key: "annotations", title: "most annotations", of: (card) => -card.visibility.reduce((a, b) => a + b, 0) },
  { key: "duration", title: "longest", of: (card) => -card.duration_s },
  { key: "name", title: "name", of: (card) => `${card.name} ${String(card.seed ?? "").padStart(9, "0")}` },
];
AV.share = (card, level) => card.visibility[level - 1] / Math.max(1, card.visibility.reduce((a, b) => a + b, 0));

AV.TTC = { most: 5, bin: 0.25 };

AV.filters = {
  chosen: {},
  text: "",
  ttc: AV.TTC.most,
  sort: "",
  controls: null,

  // What the address says is chosen.
  read(parameters) {
    this.chosen = Object.fromEntries(AV.groups.map(({ key }) => [key, new Set(parameters.getAll(key))]));
    this.text = parameters.get("q") ?? "";
    const below = Number(parameters.get("ttc"));
    this.ttc = below > 0 && below < AV.TTC.most ? below : AV.TTC.most;
    this.sort = AV.sorts.some(({ key }) => key === parameters.get("sort")) ? parameters.get("sort") : "";
  },
  write(parameters = new URLSearchParams()) {
    if (this.text) parameters.set("q", this.text);
    for (const { key } of AV.groups) for (const value of [...this.chosen[key]].sort()) parameters.append(key, value);
    if (this.ttc < AV.TTC.most) parameters.set("ttc", this.ttc);
    if (this.sort) parameters.set("sort", this.sort);
    return parameters;
  },
  any() {
    return this.text !== "" || this.ttc < AV.TTC.most || AV.groups.some(({ key }) => this.chosen[key].size > 0);
  },
  clear() {
    this.read(new URLSearchParams(this.sort ? { sort: this.sort } : {}));
  },

  // One pass over all scenes: those that are shown, and for each value of each group how many scenes have it among
  // those that only this group keeps away, if any does.
  run() {
    AV.work.filters += 1;
    const words = this.text.toLowerCase().split(/\s+/).filter(Boolean);
    const active = AV.groups.map((group) => ({ group, chosen: this.chosen[group.key] }));
    const counts = AV.groups.map(() => new Map());
    const bins = new Array(AV.TTC.most / AV.TTC.bin).fill(0);
    const shown = [];
    for (const card of AV.cards) {
      if (!words.every((word) => card.text.includes(word))) continue;
      const late = this.ttc < AV.TTC.most && !(card.ttc_s !== null && card.ttc_s <= this.ttc);
      const failed = active.map(({ group, chosen }, k) => chosen.size > 0 && !AV.holds(group, chosen, card.values[k]));
      const failures = failed.filter(Boolean).length;
      if (!failures && !late) shown.push(card);
      if (!failures && card.ttc_s !== null && card.ttc_s < AV.TTC.most) bins[Math.floor(card.ttc_s / AV.TTC.bin)] += 1;
      if (late || failures > 1) continue;
      active.forEach(({ group }, k) => {
        if (failures && !(failed[k] && group.any)) return;
        for (const value of card.values[k]) counts[k].set(value, (counts[k].get(value) ?? 0) + 1);
      });
    }
    const sort = AV.sorts.find(({ key }) => key === this.sort);
    if (sort.of) {
      const keyed = shown.map((card) => [sort.of(card), card]);
      keyed.sort(([a, one], [b, two]) => (a < b ? -1 : a > b ? 1 : one.place - two.place));
      return { shown: keyed.map(([, card]) => card), counts, bins };
    }
    return { shown, counts, bins };
  },
};

AV.holds = (group, chosen, values) =>
  group.any ? values.some((value) => chosen.has(value)) : [...chosen].every((value) => values.includes(value));

// What filters look at, worked out once for a card.
AV.prepare = (card) => {
  card.values = AV.groups.map((group) => group.of(card));
  const said = [card.id, card.name, card.scene, card.description, card.seed, card.rig, card.town, ...card.weather, ...Object.keys(card.classes)];
  card.text = said.join(" ").toLowerCase();
};

// The controls. They are made once and told what to show; groups that no scene has a value of are left out.
AV.makeFilters = (changed) => {
  const search = AV.make("input", {
    type: "search",
    id: "search",
    placeholder: "Search",
    "aria-label": "Search",
    value: AV.filters.text,
    oninput: () => {
      AV.filters.text = search.value;
      changed();
    },
  });
  const slider = AV.make("input", {
    type: "range",
    id: "ttc",
    min: AV.TTC.bin,
    max: AV.TTC.most,
    step: AV.TTC.bin,
    "aria-label": "Least TTC at most",
    oninput: () => {
      AV.filters.ttc = Number(slider.value);
      changed();
    },
  });
  const bars = Array.from({ length: AV.TTC.most / AV.TTC.bin }, () => AV.make("i"));
  const below = AV.make("output", { for: "ttc" });
  const ttc = AV.make("fieldset.group", {}, AV.make("legend", {}, "Least TTC ", below), AV.make("div.bars", {}, bars), slider);
  const sections = AV.groups.map((group) => {
    const rows = new Map();
    const list = AV.make("div.values");
    const element = AV.make("fieldset.group", { "data-group": group.key }, AV.make("legend", {}, group.title), list);
    return { group, rows, list, element };
  });
  const reset = AV.make("button.reset", { type: "button", onclick: () => changed(AV.filters.clear()) }, "Clear all filters");
  const [scenario, weather, kinds, seen, ...rest] = sections.map(({ element }) => element);
  const element = AV.make("aside.filters", { "aria-label": "Filters" }, search, reset, scenario, ttc, weather, seen, kinds, rest);

  const show = ({ counts, bins }) => {
    if (search.value !== AV.filters.text) search.value = AV.filters.text;
    reset.disabled = !AV.filters.any();
    slider.value = AV.filters.ttc;
    below.textContent = AV.filters.ttc < AV.TTC.most ? `≤ ${AV.filters.ttc} s` : "any";
    const highest = Math.max(1, ...bins);
    bars.forEach((bar, k) => {
      bar.style.height = `${(100 * bins[k]) / highest}%`;
      bar.classList.toggle("out", k * AV.TTC.bin >= AV.filters.ttc);
      bar.title = `${k * AV.TTC.bin} to ${(k + 1) * AV.TTC.bin} s: ${AV.words.count(bins[k], "scene")}`;
    });
    ttc.hidden = !AV.cards.some((card) => card.ttc_s !== null);
    sections.forEach((section, k) => showGroup(section, k, counts[k]));
  };

  const showGroup = ({ group, rows, list, element: section }, k, counts) => {
    const values = new Set([...AV.cards.flatMap((card) => card.values[k]), ...AV.filters.chosen[group.key]]);
    section.hidden = values.size === 0;
    const order = group.order ?? ((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const sorted = [...values].sort(order);
    for (const value of sorted) {
      if (!rows.has(value)) {
        const box = AV.make("input", {
          type: "checkbox",
          onchange: () => {
            AV.filters.chosen[group.key][box.checked ? "add" : "delete"](value);
            changed();
          },
        });
        const dot = group.key === "class" ? AV.dot(value) : group.key === "seen" ? AV.make(`i.dot.v${value}`) : null;
        const number = AV.make("span.n");
        const row = AV.make("label", { "data-value": value }, box, dot, AV.make("span.name", {}, group.name?.(value) ?? value), number);
        rows.set(value, { box, number, row });
      }
      const { box, number, row } = rows.get(value);
      const count = counts.get(value) ?? 0;
      box.checked = AV.filters.chosen[group.key].has(value);
      number.textContent = AV.words.number(count);
      row.classList.toggle("none", count === 0 && !box.checked);
    }
    // moved only if there are new ones: what is moved loses the keyboard
    if (list.childElementCount !== sorted.length) list.replaceChildren(...sorted.map((value) => rows.get(value).row));
  };
  return { element, show };
};

AV.dot = (kind) => {
  const dot = AV.make("i.dot");
  dot.style.background = AV.colours[kind] ?? "#888";
  return dot;
};
