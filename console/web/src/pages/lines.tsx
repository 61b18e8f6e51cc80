import { Input, Segmented, Select, Table } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { count } from '../format';
import { useSpeech } from '../i18n';
import { called, country, province, provinceCodes } from '../names';
import { useRows } from '../parts/keys';
import { Pager, usePages } from '../parts/pager';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Raw } from '../parts/show';

type Line = Schemas['Line'];

const none: Line[] = [];
const pageRows = 50;
const rowKey = (l: Line): string => `${l.line_id} ${l.valid_from}`;

/** Lines lists the lines of the ledgers, international ones first of all. */
export default function Lines() {
  const s = useSpeech();
  const go = useNavigate();
  const [asked, setAsked] = useSearchParams();
  const scope = asked.get('scope') ?? 'international';
  const places = asked.get('province') ?? '';
  const q = asked.get('q') ?? '';
  const [text, setText] = useState(q);
  useEffect(() => setText(q), [q]);
  const pages = usePages(`${asked}`);
  const query = { ...(scope === 'all' ? {} : { scope }), ...(places ? { province: places } : {}), ...(q ? { q } : {}), limit: pageRows, cursor: pages.cursor };
  const got = useGet('/api/v1/lines', { params: { query } });
  const list = got.data ?? none;
  const set = (key: string, value: string): void => {
    const next = new URLSearchParams(asked);
    if (value) next.set(key, value);
    else next.delete(key);
    setAsked(next);
  };
  const here = useRows(list, rowKey, (l) => void go(`/lines/${encodeURIComponent(l.line_id)}`));
  const columns = useMemo(
    () => [
      { title: s.t('line'), key: 'id', render: (_: unknown, l: Line) => <Link to={`/lines/${encodeURIComponent(l.line_id)}`}><Raw>{l.line_id}</Raw></Link> },
      { title: s.t('enterprise'), key: 'who', render: (_: unknown, l: Line) => <><Raw>{l.enterprise_name || l.enterprise_id}</Raw><span className="sub dim"><Raw>{l.enterprise_id}</Raw></span></> },
      ...(scope === 'all' ? [{ title: s.t('scope'), key: 'scope', render: (_: unknown, l: Line) => called(s, 'scope', l.scope) }] : []),
      { title: s.t('technology'), key: 'technology', render: (_: unknown, l: Line) => called(s, 'technology', l.technology) },
      { title: s.t('use'), key: 'use', render: (_: unknown, l: Line) => called(s, 'use', l.use) },
      { title: called(s, 'end', 'a'), key: 'a', render: (_: unknown, l: Line) => province(s, l.a_place) },
      { title: called(s, 'end', 'z'), key: 'z', render: (_: unknown, l: Line) => (l.z_country ? country(s, l.z_country) : '') },
      { title: s.t('bandwidth'), key: 'mbps', align: 'right' as const, render: (_: unknown, l: Line) => <span className="num">{count(s, l.bandwidth_mbps)} Mbit/s</span> },
      { title: s.t('userFile'), key: 'file', render: (_: unknown, l: Line) => (l.user_file ? <Raw>{l.user_file}</Raw> : l.scope === 'international' ? <span className="tag-bad">{s.t('none')}</span> : <span className="dim">—</span>) },
      { title: s.t('validity'), key: 'valid', render: (_: unknown, l: Line) => <span className="num">{l.valid_from} – {l.valid_to || s.t('openEnded')}</span> },
    ],
    [s, scope],
  );
  return (
    <>
      <div className="title">
        <h1>{s.t('lines')}</h1>
        <span className="dim num">{got.total !== undefined && count(s, got.total)}</span>
        <div className="title-right"><Printing /></div>
      </div>
      <div className="filters no-print">
        <Segmented value={scope} onChange={(v) => set('scope', v === 'international' ? '' : v)} options={[{ value: 'international', label: s.t('international') }, { value: 'domestic', label: s.t('domestic') }, { value: 'all', label: s.t('all') }]} />
        <Input.Search className="filter-text" allowClear value={text} aria-label={s.t('lineText')} placeholder={s.t('lineText')} onChange={(e) => setText(e.target.value)} onSearch={(v) => set('q', v.trim())} />
        <Select mode="multiple" allowClear maxTagCount="responsive" className="filter" aria-label={s.t('province')} placeholder={s.t('province')} value={places ? places.split(',') : []} options={provinceCodes.map((c) => ({ value: c, label: province(s, c) }))} optionFilterProp="label" onChange={(v: string[]) => set('province', v.join(','))} />
      </div>
      <section className="panel"><div className="panel-body">
        <Loaded got={got} rows={12}>
          {() => <Table<Line> size="small" rowKey={rowKey} dataSource={list} columns={columns} loading={got.loading} pagination={false} scroll={{ x: 980 }} rowClassName={(_, i) => (i === here ? 'here' : '')} locale={{ emptyText: <Nothing>{s.t('noLines')} <Link to="/ledgers">{s.t('ledgers')}</Link></Nothing> }} />}
        </Loaded>
        <Pager pages={pages} next={got.cursor} loading={got.loading} shown={{ rows: list.length, size: pageRows, total: got.total }} />
      </div></section>
    </>
  );
}
