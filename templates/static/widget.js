// Hearback asks one question in a corner of this page. Embed it with
//   <script src="https://feedback.example.com/widget.js" data-key="hb_pub_..." async></script>
// Further attributes: data-email or data-external-id with data-signature say who is visiting, data-locale in which language to
// ask, data-delay after how many seconds. It works under a strict content security policy: no inline style, no HTML from text,
// no other server than the one it came from. It sets no cookie; all it remembers is when it may ask again.
// It is served without comments and indentation.
(() => {
  const script = document.currentScript;
  const { key, email, externalId, signature, locale, delay } = script.dataset;
  const address = new URL('w/' + key, script.src).href;
  const memory = 'hearback:' + key;

  // A browser that remembers nothing would be asked on every page: it is not asked at all.
  const mayAsk = () => { try { return Date.now() >= (localStorage[memory] ?? 0); } catch { return false; } };
  const rest = (days) => { localStorage[memory] = Date.now() + days * 864e5; };

  const visitor = {};
  if (signature && (email || externalId)) {
    const who = email ? { email, signature } : { id: externalId, signature };
    visitor['Hearback-Visitor'] = new URLSearchParams(who).toString();
  }

  const call = async (path, options) => {
    const answer = await fetch(path, { ...options, credentials: 'omit' });
    if (!answer.ok) throw new Error('Hearback: ' + answer.status);
    return answer.json();
  };

  const make = (tag, attributes, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };

  const button = (words, kind, act, label = words) => {
    const element = make('button', { type: 'button', class: kind, 'aria-label': label }, words);
    element.addEventListener('click', act);
    return element;
  };

  const STYLE = `
    :host { all: initial; --paper: #fff; --ink: #16202b; --soft: #55616e; --line: #8a96a3; --accent: #0f766e; }
    @media (prefers-color-scheme: dark) { :host { --paper: #18212a; --ink: #e8edf2; --soft: #a5b2bf; --line: #76848f; } }
    section { position: fixed; z-index: 2147483647; right: 1rem; bottom: 1rem; box-sizing: border-box; width: 27rem;
    max-width: calc(100vw - 2rem); max-height: calc(100vh - 2rem); overflow: auto; padding: 1.25rem;
    background: var(--paper); color: var(--ink); border: 1px solid var(--line); border-top: 4px solid var(--accent);
    border-radius: .75rem; box-shadow: 0 8px 30px rgb(0 0 0 / 25%); font: 16px/1.45 system-ui, sans-serif; }
    section, div { display: grid; gap: .75rem; }
    h2 { margin: 0 2rem 0 0; font-size: 17px; line-height: 1.35; outline: none; }
    p { margin: 0; display: flex; justify-content: space-between; gap: 1rem; font-size: 14px; color: var(--soft); }
    p:empty { margin-top: -.75rem; }
    button, textarea { font: inherit; color: inherit; background: transparent; border: 1px solid var(--line); border-radius: .5rem; }
    button { cursor: pointer; min-height: 2.5rem; padding: .25rem .75rem; justify-self: start; }
    button:hover, .send { background: var(--ink); color: var(--paper); font-weight: 600; }
    .scores { display: flex; gap: .25rem; }
    .scores button { flex: 1; min-width: 0; padding: 0; justify-self: stretch; font-weight: 600; }
    .close { position: absolute; top: .625rem; right: .625rem; min-height: 2rem; width: 2rem; padding: 0; border: 0; font-size: 22px; }
    .never { min-height: 1.75rem; padding: 0; border: 0; font-size: 14px; color: var(--soft); text-decoration: underline; }
    textarea { box-sizing: border-box; width: 100%; min-height: 5rem; padding: .5rem; }
    :focus-visible { outline: 3px solid var(--ink); outline-offset: 2px; }
    @media (max-width: 30rem) { .many { display: grid; grid-template-columns: repeat(6, 1fr); } }
    @media (prefers-reduced-motion: no-preference) { section { animation: come .25s ease-out; } }
    @keyframes come { from { opacity: 0; transform: translateY(1rem); } }`;

  const show = (survey) => {
    const { words } = survey;
    const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    const host = make('hearback-widget', { lang: survey.lang });
    const root = host.attachShadow({ mode: 'open' });
    const style = new CSSStyleSheet();
    style.replaceSync(STYLE);
    root.adoptedStyleSheets = [style];
    if (survey.accent) host.style.setProperty('--accent', survey.accent);
    const title = make('h2', { id: 'title', tabindex: '-1' });
    const body = make('div', {});
    const status = make('p', { role: 'status' });
    const dialog = make('section', { role: 'dialog', 'aria-labelledby': 'title' }, title, body, status);
    let before = null;

    const close = () => { host.remove(); if (before) before.focus(); };
    const step = (question, ...children) => {
      title.textContent = question;
      body.replaceChildren(...children);
      status.textContent = '';
    };

    const send = async (answer) => {
      const headers = { 'Content-Type': 'application/json', ...visitor };
      try {
        return await call(address, { method: 'POST', headers, body: JSON.stringify({ id, lang: survey.lang, ...answer }) });
      } catch {
        status.textContent = words.failed;
      }
    };

    const thank = (segment) => {
      step(survey.thanks[segment], button(words.close, 'send', close));
      title.focus();
    };

    const askWhy = ({ value, segment }) => {
      const why = make('textarea', { 'aria-labelledby': 'title', maxlength: '2000', placeholder: words.placeholder });
      step(survey.why[segment], why, button(words.send, 'send', async () => {
        const comment = why.value.trim();
        if (!comment || await send({ score: value, comment })) thank(segment);
      }));
      why.focus();
    };

    const scores = survey.scores.map((score) => button(String(score.value), '', async () => {
      if (await send({ score: score.value })) askWhy(score);
    }, score.label));
    const group = { role: 'group', 'aria-labelledby': 'title', class: 'scores' + (scores.length > 7 ? ' many' : '') };
    const ends = make('p', { 'aria-hidden': 'true' }, make('span', {}, survey.low), make('span', {}, survey.high));
    step(survey.question, make('div', group, ...scores), ends, button(words.never, 'never', () => { rest(36500); close(); }));

    dialog.append(button('\u00d7', 'close', close, words.close));
    dialog.addEventListener('keydown', (event) => { if (event.key === 'Escape') close(); });
    // It comes by itself and so takes no focus; whoever went into it gets back to where they were.
    dialog.addEventListener('focusin', (event) => { before ??= event.relatedTarget; });
    root.append(dialog);
    document.body.append(host);
  };

  const start = async () => {
    if (!mayAsk()) return;
    try {
      const query = locale ? '?locale=' + encodeURIComponent(locale) : '';
      const survey = await call(address + query, { headers: visitor });
      // Where nothing is to be asked now, it is not looked again on every page.
      rest(survey.ask ? survey.days : 1 / 24);
      if (survey.ask) show(survey);
    } catch (error) {
      console.warn(String(error));
    }
  };
  if (key && mayAsk()) setTimeout(start, 1000 * (Number(delay ?? 5) || 0));
})();
