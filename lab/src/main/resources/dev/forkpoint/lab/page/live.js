(() => {
  const main = document.querySelector('main'), status = document.getElementById('live');
  let timer = 0, ended = false;
  const load = async () => {
    timer = 0;
    try {
      const answer = await fetch(main.dataset.body);
      if (!answer.ok) throw new Error(answer.status);
      const open = [...document.querySelectorAll('details[open][id]')].map(d => d.id);
      main.innerHTML = await answer.text();
      for (const id of open) document.getElementById(id)?.setAttribute('open', '');
    } catch (e) { if (!ended) later(2000); }
  };
  const later = ms => { if (!timer) timer = setTimeout(load, ms); };
  const source = new EventSource(main.dataset.events);
  source.addEventListener('progress', e => { status.textContent = e.data; });
  source.addEventListener('change', () => later(300));
  source.addEventListener('end', () => { ended = true; source.close(); status.textContent = ''; clearTimeout(timer); load(); });
  source.onerror = () => { if (!ended) status.textContent = 'not connected; trying again'; };
  source.onopen = () => { status.textContent = 'live'; };
})();
