import { Input } from 'antd';
import '../style/more.css';
import { useEffect, useState } from 'react';
import { Link, useLocation, useParams } from 'react-router';
import { useGet } from '../api/use';
import { useSpeech } from '../i18n';
import { Markdown } from '../parts/markdown';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel } from '../parts/show';

function Page({ lang, page }: { lang: string; page: string }) {
  const { hash } = useLocation();
  const got = useGet('/api/v1/manual/{lang}/{page}', { params: { path: { lang, page } }, parseAs: 'text' });
  const text = got.data as string | undefined;
  useEffect(() => {
    if (!text) return;
    const to = hash ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
    if (to) to.scrollIntoView();
    else scrollTo(0, 0);
  }, [text, hash]);
  return <Loaded got={got} rows={12}>{(all) => <Markdown text={String(all)} />}</Loaded>;
}

/** Manual is the manual that is in the program. */
export default function Manual() {
  const s = useSpeech();
  const { page } = useParams();
  const [wanted, setWanted] = useState('');
  const got = useGet('/api/v1/manual', {});
  return (
    <>
      <div className="title">
        <h1>{s.t('manual')}</h1>
        <div className="title-right"><Printing /></div>
      </div>
      <Loaded got={got}>
        {(all) => {
          const lang = all.some((p) => p.language === s.lang) ? s.lang : (all[0]?.language ?? 'zh');
          const pages = all.filter((p) => p.language === lang);
          const here = page ?? pages.find((p) => p.page === 'index')?.page ?? pages[0]?.page;
          if (!here) return <Nothing>{s.t('noManual')}</Nothing>;
          const shown = pages.filter((p) => `${p.title} ${p.page}`.toLowerCase().includes(wanted.toLowerCase()));
          return (
            <div className="manual">
              <Panel className="no-print" title={s.t('contents')}>
                <nav aria-label={s.t('contents')}>
                  <Input size="small" allowClear aria-label={s.t('search')} placeholder={s.t('search')} value={wanted} onChange={(e) => setWanted(e.target.value)} />
                  <ul>{shown.map((p) => <li key={p.page}><Link to={`/manual/${p.page}`} aria-current={p.page === here ? 'page' : undefined}>{p.title}</Link></li>)}</ul>
                  {shown.length === 0 && <Nothing>{s.t('manNoMatch')}</Nothing>}
                </nav>
              </Panel>
              <section className="panel"><div className="panel-body"><Page lang={lang} page={here} /></div></section>
            </div>
          );
        }}
      </Loaded>
    </>
  );
}
