import { DownloadOutlined } from '@ant-design/icons';
import { Button, Dropdown, Table, type TableProps } from 'antd';
import { useMemo, useState } from 'react';
import { Link, useNavigate, useSearchParams } from 'react-router';
import type { Finding } from '../api/client';
import { useGet } from '../api/use';
import { count } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, codesOf, province } from '../names';
import { Bulk } from '../parts/bulk';
import { filterOf, Filters, type Filter } from '../parts/filters';
import { useRows } from '../parts/keys';
import { Pager, usePages } from '../parts/pager';
import { Printing } from '../parts/printing';
import { Clauses, Loaded, Nothing, Raw, Severity, State, Time } from '../parts/show';

const pageRows = 50;

function columnsOf(s: ReturnType<typeof useSpeech>, sort: string): TableProps<Finding>['columns'] {
  const order = (key: string) => ({ key, sorter: true, sortOrder: sort === `-${key}` ? ('descend' as const) : sort === key ? ('ascend' as const) : null, sortDirections: ['descend' as const, 'ascend' as const] });
  return [
    { title: s.t('severity'), ...order('severity'), width: 76, render: (_, f) => <Severity of={f.severity} /> },
    {
      title: s.t('indication'),
      key: 'title',
      render: (_, f) => <><Link to={`/findings/${f.id}`}>{s.pick(f.title)}</Link><span className="sub dim">{f.rule} · <Clauses of={f.clauses} /></span></>,
    },
    { title: s.t('subject'), key: 'subject', width: 236, render: (_, f) => <><Raw>{f.subject.name || f.subject.id}</Raw><span className="sub dim">{called(s, 'subject', f.subject.kind)} <Raw>{f.subject.id}</Raw></span></> },
    { title: s.t('province'), key: 'province', width: 84, render: (_, f) => province(s, f.province) },
    { title: s.t('state'), key: 'state', width: 88, render: (_, f) => <State of={f.state} /> },
    { title: s.t('confidence'), key: 'confidence', width: 76, align: 'right', render: (_, f) => <span className="num">{f.confidence.toFixed(2)}</span> },
    { title: s.t('firstSeen'), ...order('first_seen'), width: 104, render: (_, f) => <Time of={f.first_seen} how="day" /> },
    { title: s.t('lastSeen'), ...order('last_seen'), width: 104, render: (_, f) => <Time of={f.last_seen} how="day" /> },
  ];
}

/** Split says how the findings of a filter are divided, and leads to the parts. */
function Split({ filter, choose }: { filter: Filter; choose: (f: Filter) => void }) {
  const s = useSpeech();
  const got = useGet('/api/v1/findings/summary', { params: { query: filter } });
  if (!got.data) return <div className="chips" />;
  const of = got.data;
  return (
    <div className="chips">
      {codesOf('severity').map((v) => [v, of.by_severity.find((c) => c.key === v)?.count ?? 0] as const).filter(([, n]) => n > 0).map(([v, n]) => (
        <a key={v} href={`?severity=${v}`} onClick={(e) => { e.preventDefault(); choose({ ...filter, severity: v }); }}><Severity of={v} /> <span className="num">{count(s, n)}</span></a>
      ))}
      {codesOf('state').map((v) => [v, of.by_state.find((c) => c.key === v)?.count ?? 0] as const).filter(([, n]) => n > 0).map(([v, n]) => (
        <a key={v} href={`?state=${v}`} onClick={(e) => { e.preventDefault(); choose({ ...filter, state: v }); }}>{called(s, 'state', v)} <span className="num">{count(s, n)}</span></a>
      ))}
    </div>
  );
}

function Export({ filter }: { filter: Filter }) {
  const s = useSpeech();
  const to = (format: string): string => `/api/v1/findings/export?${new URLSearchParams({ ...filter, format })}`;
  return (
    <Dropdown menu={{ items: [{ key: 'csv', label: <a href={to('csv')} download>{s.t('exportCSV')}</a> }, { key: 'json', label: <a href={to('json')} download>{s.t('exportJSON')}</a> }] }} trigger={['click']}>
      <Button className="no-print" icon={<DownloadOutlined />}>{s.t('exportAll')}</Button>
    </Dropdown>
  );
}

const none: Finding[] = [];

export default function Findings() {
  const s = useSpeech();
  const { can } = useMe();
  const go = useNavigate();
  const [asked, setAsked] = useSearchParams();
  const filter = useMemo(() => filterOf(asked), [asked]);
  const sort = asked.get('sort') ?? '-severity';
  const pages = usePages(`${asked}`);
  const [picked, setPicked] = useState<Finding[]>([]);
  const [moving, setMoving] = useState(false);
  const got = useGet('/api/v1/findings', { params: { query: { ...filter, sort, limit: pageRows, cursor: pages.cursor } } });
  const list = got.data ?? none;
  const choose = (f: Filter, order = sort): void => {
    setPicked([]);
    setAsked(new URLSearchParams({ ...f, ...(order === '-severity' ? {} : { sort: order }) }));
  };
  const tick = (f: Finding): void => setPicked((p) => (p.some((x) => x.id === f.id) ? p.filter((x) => x.id !== f.id) : [...p, f]));
  const here = useRows(list, (f) => f.id, (f) => void go(`/findings/${f.id}`), can('act') ? tick : undefined);
  const columns = useMemo(() => columnsOf(s, sort), [s, sort]);
  return (
    <>
      <div className="title">
        <h1>{s.t('findings')}</h1>
        <span className="dim num">{got.total !== undefined && count(s, got.total)}</span>
        <Split filter={filter} choose={choose} />
        <div className="title-right"><Export filter={filter} /><Printing /></div>
      </div>
      <Filters filter={filter} choose={choose} />
      <section className="panel"><div className="panel-body scroll">
        <Loaded got={got} rows={12}>
          {() => (
            <Table<Finding>
              size="small"
              rowKey="id"
              dataSource={list}
              columns={columns}
              loading={got.loading}
              pagination={false}
              tableLayout="fixed"
              className="wide-table"
              rowClassName={(_, i) => (i === here ? 'here' : '')}
              showSorterTooltip={false}
              locale={{ emptyText: <Nothing>{s.t('noFindings')}<br />{s.t('noFindingsNext')}</Nothing> }}
              {...(can('act') ? { rowSelection: { selectedRowKeys: picked.map((f) => f.id), preserveSelectedRowKeys: true, onChange: (_: unknown, rows: Finding[]) => setPicked(rows.filter(Boolean)), getCheckboxProps: (f: Finding) => ({ 'aria-label': `${s.t('keyMark')} ${f.id}` }) as object } } : {})}
              onChange={(_, __, by) => {
                const one = Array.isArray(by) ? by[0] : by;
                choose(filter, one?.order ? `${one.order === 'descend' ? '-' : ''}${String(one.columnKey)}` : '-severity');
              }}
            />
          )}
        </Loaded>
        <Pager pages={pages} next={got.cursor} loading={got.loading} shown={{ rows: list.length, size: pageRows, total: got.total }} />
      </div></section>
      {picked.length > 0 && (
        <div className="bulk no-print" role="region" aria-label={s.t('bulkMove')}>
          <span>{s.t('selected')} <strong>{picked.length}</strong></span>
          <Button type="primary" onClick={() => setMoving(true)}>{s.t('bulkMove')}</Button>
          <Button onClick={() => setPicked([])}>{s.t('clear')}</Button>
        </div>
      )}
      {moving && <Bulk of={picked} close={() => { setMoving(false); setPicked([]); }} done={got.reload} />}
    </>
  );
}
