import { allocation } from './allocation.mjs';
import { read, readPanel } from './api.mjs';
import { charts } from './charts.mjs';
import { comparison } from './comparison.mjs';
import { commands } from './commands.mjs';
import { deadLetters } from './dead-letters.mjs';
import { decisions, drawer } from './decisions.mjs';
import { h, show } from './dom.mjs';
import { drift } from './drift.mjs';
import { header } from './header.mjs';
import { createLedgerPages } from './ledger-pages.mjs';
import { lifecycle, phasePill, timeline } from './lifecycle.mjs';
import { pipeline } from './pipeline.mjs';
import { empty, problemsOf, problemText } from './pieces.mjs';
import { createRates } from './rates.mjs';
import { versions } from './versions.mjs';
import { listen } from './interaction.mjs';

const POLL_MS = 2_000;
const TICK_MS = 1_000;
/** Without an answer for this long what is shown counts as old, whatever the one that is waited for will say. */
const SILENCE_MS = 6_000;
const DECISIONS_SHOWN = 14;
const LETTERS_SHOWN = 10;

const state = {
  overview: null,
  selected: null,
  model: null,
  decisions: null,
  /** Where the list of decisions begins; null follows the newest. */
  decisionsBefore: null,
  deadLetters: null,
  deadLetterCount: null,
  ledger: createLedgerPages(),
  hover: null,
  hoverFeature: null,
  allFeatures: false,
  decision: null,
  connection: { heardAt: null, lostAt: null },
};
const rates = createRates();
const place = (id) => document.getElementById(id);
const modelPath = () => `/api/models/${encodeURIComponent(state.selected)}`;

/** Reads everything that is shown, then draws what changed. */
async function refresh() {
  try {
    state.overview = await read('/api/overview');
    rates.note(state.overview, performance.now());
    select();
    await Promise.all([refreshModel(), refreshDecisions(), refreshDeadLetters()]);
    state.connection = { heardAt: Date.now(), lostAt: null };
  } catch {
    state.connection = { ...state.connection, lostAt: state.connection.lostAt ?? Date.now() };
  }
  draw();
}

/** The model of the address, else the first. */
function select() {
  const names = state.overview.models.map(({ model }) => model);
  const wanted = names.find((name) => location.hash === `#${encodeURIComponent(name)}`);
  const selected = wanted ?? names[0] ?? null;
  if (selected === state.selected) return;
  Object.assign(state, {
    selected,
    model: null,
    decisions: null,
    decisionsBefore: null,
    hover: null,
    ledger: createLedgerPages(),
  });
}

async function refreshModel() {
  const { selected } = state;
  if (selected === null) return;
  const model = await readPanel(modelPath());
  // The reader may have gone to another model meanwhile.
  if (selected !== state.selected) return;
  state.model = model;
  state.ledger.newest(model.ledger);
}

async function refreshDecisions() {
  const { selected, decisionsBefore } = state;
  if (selected === null) return;
  const before = decisionsBefore === null ? '' : `&before=${decisionsBefore}`;
  const decisions = await readPanel(`${modelPath()}/decisions?limit=${DECISIONS_SHOWN}${before}`);
  if (selected === state.selected && decisionsBefore === state.decisionsBefore) state.decisions = decisions;
}

/** They are read again only when there are more of them. */
async function refreshDeadLetters() {
  const counted = state.overview.sources.reduce((total, source) => total + (source.deadLetters ?? 0), 0);
  if (counted === state.deadLetterCount && state.deadLetters?.problem === undefined) return;
  state.deadLetters = await readPanel(`/api/dead-letters?limit=${LETTERS_SHOWN}`);
  state.deadLetterCount = counted;
}

function draw() {
  const now = Date.now();
  drawTop(now);
  if (state.overview === null) {
    show(
      place('pipeline'),
      empty(
        state.connection.lostAt === null
          ? 'Reading…'
          : 'The console does not answer. It is asked again every two seconds.',
      ),
    );
    return;
  }
  show(place('pipeline'), pipeline(state.overview, rates, now));
  show(place('model'), modelParts(now));
}

function drawTop(now) {
  const { heardAt, lostAt } = state.connection;
  const isLost = lostAt !== null || (heardAt !== null && now - heardAt > SILENCE_MS);
  show(place('top'), header(state, isLost, now));
  document.body.classList.toggle('stale', isLost);
  document.title = `${isLost ? '⚠ ' : ''}${state.overview?.project ?? 'Millrace'} · Millrace`;
}

function modelParts(now) {
  const { overview, model, selected, ledger } = state;
  if (selected === null) return [empty('The project has no model: it makes features only.')];
  if (model === null) return [empty('Reading…')];
  if (model.problem !== undefined) return [problemText(model.problem)];
  const present = overview.models.find((candidate) => candidate.model === selected);
  const [chartWidth, heatWidth] = widths();
  return [
    h(
      'div',
      { class: 'model-head', 'data-key': 'head' },
      h('h2', null, selected),
      phasePill(present?.lifecycle ?? model.lifecycle?.state ?? null),
      h(
        'span',
        { class: 'note' },
        `feature service ${model.featureService}, labels from ${model.labelSource}`,
      ),
    ),
    problemsOf(overview.problems, 'allocations'),
    h(
      'div',
      { class: 'grid', 'data-key': 'grid' },
      allocation(model, now),
      lifecycle(model),
      comparison(model),
      charts(model, state.hover, chartWidth),
      drift(
        model,
        { hover: state.hover, hoverFeature: state.hoverFeature, all: state.allFeatures },
        heatWidth,
      ),
      timeline(model, ledger),
      decisions(state.decisions, state.decisionsBefore === null),
      sidePanels(model),
      versions(model),
    ),
  ];
}

const sidePanels = (model) =>
  h(
    'div',
    { class: 'span-5 stack', 'data-key': 'side' },
    commands(model, state.overview.commandOptions),
    deadLetters(state.deadLetters),
  );

/** Charts are drawn in real pixels, so that their text has its size at every width. */
function widths() {
  const inner = (selector, fallback) => {
    const element = document.querySelector(selector);
    return element === null ? fallback : Math.floor(element.getBoundingClientRect().width);
  };
  const page = place('main').clientWidth;
  return [inner('.charts figure', Math.min(360, page - 60)), inner('.heat', Math.min(820, page - 60))];
}

const actions = {
  'older-ledger': async ({ before }) => {
    const { ledger } = state;
    ledger.older((await readPanel(`${modelPath()}?before=${before}`)).ledger);
  },
  'all-features': () => {
    state.allFeatures = !state.allFeatures;
  },
  'older-decisions': async ({ before }) => {
    state.decisionsBefore = Number(before);
    await refreshDecisions();
  },
  'newest-decisions': async () => {
    state.decisionsBefore = null;
    await refreshDecisions();
  },
  'open-decision': async ({ id }) => {
    state.decision = await readPanel(`/api/decisions/${encodeURIComponent(id)}`);
    show(place('drawer'), drawer(state.decision, state.overview.addresses.serving));
    place('drawer').showModal();
  },
  'close-drawer': () => place('drawer').close(),
  copy: async ({ text }, button) => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'Copied';
    } catch {
      // Without permission: marked, for the reader to copy.
      getSelection()?.selectAllChildren(button.previousElementSibling);
    }
  },
};

listen({
  act: async (name, data, button) => {
    try {
      await actions[name]?.(data, button);
    } catch {
      state.connection = { ...state.connection, lostAt: state.connection.lostAt ?? Date.now() };
    }
    if (name !== 'copy') draw();
  },
  hover: (at, feature) => {
    if (at === state.hover && feature === state.hoverFeature) return;
    state.hover = at;
    state.hoverFeature = feature;
    draw();
  },
  resized: draw,
  moved: () => void refresh().catch(reportError),
});

async function follow() {
  for (;;) {
    // A fault of the page must show in the browser's console, and must not end its asking.
    if (!document.hidden) await refresh().catch(reportError);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
void follow();
setInterval(() => {
  if (!document.hidden) drawTop(Date.now());
}, TICK_MS);
