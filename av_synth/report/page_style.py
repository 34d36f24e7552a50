"""How pages of tables look, of campaigns and audits. Attempts have their colours here, in tables and charts alike."""

STYLE = """
:root { --ink: #1c1c1c; --soft: #666; --line: #ddd; --back: #fff; --panel: #f5f5f3; --good: #2e8b57; --bad: #b00020;
  --transient: #c2569b; --environmental: #d9a300; --deterministic: #c23b22; --cancelled: #8a8a8a }
@media (prefers-color-scheme: dark) { :root { --ink: #eceae7; --soft: #a5a09a; --line: #3c3935; --back: #161513;
  --panel: #22201e; --good: #5fc28a; --bad: #ff7a70; --transient: #e58cc3; --environmental: #e6c04a;
  --deterministic: #f0735c; --cancelled: #8f8f8f } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2em auto; max-width: 1180px; padding: 0 1em; color: var(--ink);
  background: var(--back) }
h1 { font-size: 1.5em; overflow-wrap: anywhere } h2 { font-size: 1.2em; margin-top: 2em }
.wide { overflow-x: auto; margin: .8em 0 } table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2em .9em .2em 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word }
th { color: var(--soft); font-weight: 500 } .n { text-align: right } th, .n, .kind { white-space: nowrap }
a { color: inherit } code { background: var(--panel) } .bad { color: var(--bad) } .good { color: var(--good) }
pre { background: var(--panel); padding: 1em; overflow-x: auto } summary { cursor: pointer; overflow-wrap: anywhere }
li { overflow-wrap: anywhere; margin: .4em 0 } .soft { color: var(--soft) }
.bar { display: flex; height: 1.9em; border-radius: 4px; overflow: hidden; font-size: .85em }
.bar span { padding: .3em .6em; white-space: nowrap; overflow: hidden; min-width: 4px; box-sizing: border-box }
.bar .committed { background: var(--good); color: var(--back) } .bar .quarantined { background: var(--bad);
  color: var(--back) } .bar .remaining { background: var(--line) }
.tiles { display: flex; flex-wrap: wrap; gap: 1.2em 2.4em; margin: 1.2em 0 } .tiles div { color: var(--soft) }
.tiles b { display: block; font-size: 1.5em; font-weight: 600; color: var(--ink) }
.sheet { display: grid; grid-template-columns: repeat(auto-fill, minmax(260px, 1fr)); gap: 1em } figure { margin: 0 }
figure img { width: 100%; display: block; border-radius: 4px } figcaption { font-size: .85em; color: var(--soft);
  overflow-wrap: anywhere; margin-top: .3em } figcaption b { color: var(--ink) }
.none { background: var(--panel); padding: 3em 1em; text-align: center; color: var(--soft) }
.chart { overflow-x: auto } .chart svg { width: 100%; min-width: 640px } svg text { font-size: 11px; fill: var(--soft) }
.legend span { margin-right: 1.2em } i { display: inline-block; width: .8em; height: .8em; border-radius: 2px }
.cut { stroke: var(--soft); stroke-dasharray: 2 3 }
rect.committed { fill: var(--good) } i.committed { background: var(--good) }
rect.cut-off { fill: var(--line) } i.cut-off { background: var(--line) }
rect.transient { fill: var(--transient) } i.transient { background: var(--transient) }
rect.environmental { fill: var(--environmental) } i.environmental { background: var(--environmental) }
rect.deterministic { fill: var(--deterministic) } i.deterministic { background: var(--deterministic) }
rect.cancelled { fill: var(--cancelled) } i.cancelled { background: var(--cancelled) }
"""
