import { DatePicker, Input, Table, Tabs } from 'antd';
import dayjs from 'dayjs';
import '../style/more.css';
import { useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { useGet } from '../api/use';
import { at, count } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, cellText } from '../names';
import { Pager, usePages } from '../parts/pager';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Raw, Time } from '../parts/show';
import { Import } from '../parts/upload';

function Rows({ ledger, known }: { ledger: string; known: string | undefined }) {
  const s = useSpeech();
  const [q, setQ] = useState('');
  const pages = usePages(`${ledger} ${known ?? ''} ${q}`);
  const got = useGet('/api/v1/ledgers/kinds/{ledger}/rows', { params: { path: { ledger }, query: { q: q || undefined, known, limit: 100, cursor: pages.cursor } } });
  return (
    <Panel
      title={called(s, 'ledger', ledger)}
      note={<>{got.data && `${count(s, got.data.total)} ${s.t('row')}`} · {known ? `${s.t('asOf')} ${at(known, 'second')}` : s.t('now')}</>}
      extra={<Input.Search className="no-print" allowClear aria-label={s.t('search')} placeholder={s.t('search')} onSearch={(text) => setQ(text.trim())} />}
    >
      <Loaded got={got} rows={8}>
        {(r) =>
          r.rows.length === 0 ? <Nothing>{q ? s.t('ledNoMatch', { q }) : s.t('ledEmpty')}</Nothing> : (
            <>
              <Table
                size="small"
                pagination={false}
                loading={got.loading}
                scroll={{ x: 'max-content' }}
                rowKey={(_, i) => String(i)}
                dataSource={r.rows}
                columns={[
                  { title: '#', align: 'right', render: (_, l) => <span className="num dim">{l.row}</span> },
                  ...r.columns.map((c, i) => ({ title: <span title={c}>{called(s, 'column', c)}</span>, render: (_: unknown, l: { fields: string[] }) => <span title={l.fields[i]}><Raw>{cellText(s, ledger, c, l.fields[i] ?? '')}</Raw></span> })),
                ]}
              />
              <Pager pages={pages} next={got.cursor} loading={got.loading} />
            </>
          )
        }
      </Loaded>
    </Panel>
  );
}

function InForce({ turn }: { turn: number }) {
  const s = useSpeech();
  const [asked, ask] = useSearchParams();
  const got = useGet('/api/v1/ledgers/kinds', {});
  const known = asked.get('known') ?? undefined;
  const set = (key: string, value: string | undefined): void => {
    const next = new URLSearchParams(asked);
    if (value) next.set(key, value);
    else next.delete(key);
    ask(next, { replace: true });
  };
  return (
    <Loaded got={got} rows={8}>
      {(kinds) => {
        if (kinds.length === 0) return <Nothing>{s.t('noImports')}</Nothing>;
        const chosen = asked.get('ledger') || kinds[0]?.ledger || '';
        return (
          <div className="grid">
            <Panel className="w3" title={s.t('inForce')} extra={<DatePicker showTime size="small" className="no-print" aria-label={s.t('knownAt')} placeholder={s.t('knownAt')} value={known ? dayjs(known) : null} maxDate={dayjs()} onChange={(d) => set('known', d?.toISOString())} />}>
              <Table
                size="small"
                pagination={false}
                rowKey="ledger"
                dataSource={kinds}
                rowClassName={(k) => (k.ledger === chosen ? 'here' : '')}
                columns={[
                  { title: s.t('ledger'), render: (_, k) => <Link to={`?ledger=${encodeURIComponent(k.ledger)}${known ? `&known=${encodeURIComponent(known)}` : ''}`}>{called(s, 'ledger', k.ledger)}</Link> },
                  { title: known ? `${s.t('rowsCount')} (${s.t('now')})` : s.t('rowsCount'), align: 'right', render: (_, k) => <span className="num">{count(s, k.rows)}</span> },
                ]}
              />
            </Panel>
            <div className="ledger-rows">{chosen && <Rows key={`${chosen} ${turn}`} ledger={chosen} known={known} />}</div>
          </div>
        );
      }}
    </Loaded>
  );
}

function Imports() {
  const s = useSpeech();
  const pages = usePages('');
  const got = useGet('/api/v1/ledgers', { params: { query: { limit: 100, cursor: pages.cursor } } });
  return (
    <Loaded got={got}>
      {(list) =>
        list.length === 0 ? <Nothing>{s.t('noImports')}</Nothing> : (
          <>
            <Table
              size="small"
              pagination={false}
              rowKey="id"
              scroll={{ x: 'max-content' }}
              dataSource={list}
              columns={[
                { title: s.t('time'), render: (_, i) => <Link to={`?known=${encodeURIComponent(i.known)}`}><Time of={i.known} how="second" /></Link> },
                { title: s.t('source'), render: (_, i) => <Raw>{i.source}</Raw> },
                { title: s.t('rowsOpened'), align: 'right', render: (_, i) => <span className="num">{count(s, i.rows_opened)}</span> },
                { title: s.t('rowsClosed'), align: 'right', render: (_, i) => <span className="num">{count(s, i.rows_closed)}</span> },
                { title: 'ID', render: (_, i) => <span className="mono">{i.id}</span> },
                { title: 'SHA-256', render: (_, i) => <span className="mono" title={i.sha256}>{i.sha256.slice(0, 16)}…</span> },
              ]}
            />
            <Pager pages={pages} next={got.cursor} loading={got.loading} />
          </>
        )
      }
    </Loaded>
  );
}

/** Ledgers shows the ledgers as they are or were known, and imports new ones. */
export default function Ledgers() {
  const s = useSpeech();
  const { me, can } = useMe();
  const [asked, ask] = useSearchParams();
  const [turn, setTurn] = useState(0);
  const mayImport = (me?.role === 'compliance' || me?.role === 'admin') && me.provinces.length === 0;
  const tab = asked.get('tab') ?? (can('network') ? 'rows' : 'imports');
  return (
    <>
      <div className="title">
        <h1>{s.t('ledgers')}</h1>
        <div className="title-right"><Printing /></div>
      </div>
      <Tabs
        activeKey={tab}
        destroyOnHidden
        onChange={(key) => ask(key === 'rows' ? {} : { tab: key })}
        items={[
          ...(can('network') ? [{ key: 'rows', label: s.t('inForce'), children: <InForce key={turn} turn={turn} /> }] : []),
          { key: 'imports', label: s.t('imports'), children: <Panel title={s.t('imports')}><Imports key={turn} /></Panel> },
          { key: 'import', label: s.t('importNew'), children: <Panel title={s.t('importNew')}>{mayImport ? <Import imported={() => setTurn((n) => n + 1)} /> : <Nothing>{s.t('impWho')}</Nothing>}</Panel> },
        ]}
      />
    </>
  );
}
