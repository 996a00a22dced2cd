/// The style sheet of `report.html`. Sizes are in rem, so that the page follows the reader's own text size.
let reportStyle = """
    :root {
      --page: #f7f7f5; --card: #ffffff; --ink: #1d1f22; --soft: #63686f; --line: #e3e4e1; --curve: #2563c4;
      --best: #b4540a; --running: #2563c4; --finished: #1a7f47; --stopped: #96640a; --failed: #c0302b;
    }
    @media (prefers-color-scheme: dark) {
      :root {
        --page: #131518; --card: #1b1e22; --ink: #e7e9ec; --soft: #9aa1aa; --line: #2e3238; --curve: #7aaeff;
        --best: #f5a55a; --running: #7aaeff; --finished: #5cc98a; --stopped: #e0b252; --failed: #ff8a80;
      }
    }
    * { box-sizing: border-box; }
    body {
      margin: 0; background: var(--page); color: var(--ink);
      font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif;
      font-variant-numeric: tabular-nums; -webkit-text-size-adjust: 100%;
    }
    main { max-width: 76rem; margin: 0 auto; padding: 2rem clamp(1rem, 4vw, 2.5rem) 4rem; }
    h1 { font-size: 1.6rem; line-height: 1.25; margin: 0; overflow-wrap: anywhere; }
    h2 { font-size: 1.1rem; margin: 2.5rem 0 .75rem; }
    h3 { font-size: .9375rem; margin: 0; display: inline; }
    p { margin: .35rem 0; }
    dl, dd, figure { margin: 0; }
    code, pre { font: .8125rem/1.55 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }

    .title { display: flex; flex-wrap: wrap; align-items: center; gap: .4rem .9rem; }
    .state {
      font-size: .8125rem; font-weight: 600; padding: .1rem .7rem; border-radius: 1rem; white-space: nowrap;
      color: var(--tone); border: 1px solid var(--tone);
    }
    .running { --tone: var(--running); } .finished { --tone: var(--finished); }
    .stopped { --tone: var(--stopped); } .failed { --tone: var(--failed); }
    .reason { overflow-wrap: anywhere; }
    .progress, .empty, .remark { color: var(--soft); }
    .progress span { white-space: nowrap; }
    .bar { height: .3rem; border-radius: .15rem; background: var(--line); margin-top: .75rem; overflow: hidden; }
    .bar i { display: block; height: 100%; background: var(--curve); }

    .tiles { display: flex; flex-wrap: wrap; gap: 1rem; margin-top: 1.5rem; }
    .tiles > div, .chart, .scroll, .samples figure, details { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
    .tiles > div { flex: 1 1 8rem; padding: .7rem 1rem; }
    dt { font-size: .8125rem; color: var(--soft); }
    .tiles dd { font-size: 1.25rem; font-weight: 600; line-height: 1.4; white-space: nowrap; }
    .tiles small { display: block; white-space: normal; font-size: .8125rem; font-weight: 400; color: var(--soft); }

    .charts { display: grid; gap: 1rem; margin-top: 1.5rem; grid-template-columns: repeat(6, minmax(0, 1fr)); }
    .half { grid-column: span 3; --height: 15rem; }
    .third { grid-column: span 2; --height: 10rem; }
    .chart { display: flex; flex-direction: column; justify-content: space-between; padding: .8rem 1.1rem .6rem .8rem; }
    .chart figcaption { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 .5rem; padding-left: .2rem; }
    .unit, .legend, .x, .y, .axis { font-size: .75rem; color: var(--soft); }
    .legend { margin-left: auto; }
    .legend i { display: inline-block; width: 1.1rem; height: 2px; margin: 0 .35rem .22rem .6rem; background: var(--curve); }
    .legend .faint { opacity: .35; }
    .third .legend { display: none; }
    .plot { display: grid; grid-template: var(--height) 1.4rem auto / 3rem minmax(0, 1fr); margin-top: .8rem; }
    .area { position: relative; }
    .area svg { display: block; width: 100%; height: 100%; overflow: visible; clip-path: inset(-2px); }
    .area path { fill: none; vector-effect: non-scaling-stroke; stroke-linejoin: round; stroke-linecap: round; }
    .grid { stroke: var(--line); stroke-width: 1; }
    .line { stroke: var(--curve); stroke-width: 2; }
    path.faint { stroke: var(--curve); stroke-width: 1; opacity: .35; }
    .x, .y { position: relative; }
    .x { grid-column: 2; }
    .x span { position: absolute; top: .35rem; transform: translateX(-50%); white-space: nowrap; }
    .y span { position: absolute; right: .6rem; transform: translateY(50%); line-height: 1; white-space: nowrap; }
    .axis { grid-column: 2; text-align: center; margin-top: .1rem; }
    .dot {
      position: absolute; width: 8px; height: 8px; margin: 0 0 -4px -4px; border-radius: 50%;
      background: var(--curve); border: 1.5px solid var(--card);
    }
    .dot.best { width: 12px; height: 12px; margin: 0 0 -6px -6px; background: var(--best); border-width: 2px; }
    .legend.best { color: var(--best); }
    .legend .dot { position: static; width: 10px; height: 10px; margin: 0 .4rem 0 0; border: 0; }

    .samples { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(22rem, 100%), 1fr)); }
    .samples.small { grid-template-columns: repeat(auto-fill, minmax(9rem, 1fr)); }
    .samples figure { overflow: hidden; }
    .samples img { display: block; width: 100%; height: auto; }
    .samples.small img { image-rendering: pixelated; }
    .samples figcaption { padding: .5rem .8rem; font-size: .8125rem; color: var(--soft); overflow-wrap: anywhere; }

    .scroll { overflow: auto; max-height: 26rem; }
    table { border-collapse: collapse; width: 100%; font-size: .875rem; }
    th, td { padding: .45rem 1rem; text-align: left; border-top: 1px solid var(--line); }
    tbody tr:first-child td { border-top: 0; }
    thead th {
      position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 500; border: 0;
      box-shadow: 0 1px var(--line); white-space: nowrap;
    }
    .numbers th, .numbers td, .number, .sets th:nth-child(n+3) { text-align: right; white-space: nowrap; }
    tr.best td { color: var(--best); font-weight: 600; }
    tr.best b { font-size: .75rem; font-weight: 500; margin-left: .3rem; }
    .path { overflow-wrap: anywhere; }

    .facts { display: grid; gap: .7rem 2rem; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 100%), 1fr)); }
    .facts dd { overflow-wrap: anywhere; }
    details { padding: .6rem 1rem; margin-top: .75rem; }
    summary { cursor: pointer; font-size: .9375rem; }
    details ul { margin: .6rem 0; padding-left: 1.2rem; font-size: .875rem; }
    pre { margin: .6rem 0 .3rem; overflow-x: auto; }

    @media (max-width: 60rem) { .third { grid-column: span 3; --height: 12rem; } .third:last-child { grid-column: span 6; } }
    @media (max-width: 40rem) {
      main { padding-top: 1.25rem; }
      .half, .third, .third:last-child { grid-column: span 6; --height: 13rem; }
      .tiles { gap: .6rem; }
      .tiles > div { padding: .6rem .8rem; }
      .tiles dd { font-size: 1.15rem; }
      .legend { margin-left: 0; }
      .legend i:first-child { margin-left: 0; }
      th, td { padding: .45rem .6rem; }
      tr.best b { display: none; }
      .numbers th:nth-child(4), .numbers td:nth-child(4) { display: none; }
    }
    @media print { .scroll { max-height: none; } .chart, figure { break-inside: avoid; } }

    """
