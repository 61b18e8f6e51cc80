import { Table } from 'antd';
import { Link } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { useSpeech } from '../i18n';
import { called, country, province } from '../names';
import { Holder, Licences, Licensed, resourceLink, Valid } from './resource';
import { Loaded, Pairs, Panel, Raw, Time } from './show';

type Day = { day: string | undefined };

const few = { pageSize: 20, hideOnSinglePage: true, showSizeChanger: false } as const;

export function LineTable({ of }: { of: Schemas['Line'][] }) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      scroll={{ x: 'max-content' }}
      rowKey={(l) => `${l.line_id} ${l.valid_from}`}
      dataSource={of}
      columns={[
        { title: s.t('line'), render: (_, l) => <Link to={`/lines/${encodeURIComponent(l.line_id)}`}><Raw>{l.line_id}</Raw></Link> },
        { title: s.t('holder'), render: (_, l) => <Raw>{l.enterprise_name || l.enterprise_id}</Raw> },
        { title: s.t('technology'), render: (_, l) => called(s, 'technology', l.technology) },
        { title: s.t('use'), render: (_, l) => called(s, 'use', l.use) },
        { title: s.t('bandwidth'), align: 'right', render: (_, l) => <span className="num">{l.bandwidth_mbps} Mbit/s</span> },
        { title: s.t('bothEnds'), render: (_, l) => `${province(s, l.a_place)} – ${l.z_country ? country(s, l.z_country) : '—'}` },
        { title: s.t('validity'), render: (_, l) => <Valid from={l.valid_from} to={l.valid_to} /> },
      ]}
    />
  );
}

export function AsnTable({ of, day }: { of: Schemas['Asn'][] } & Day) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      rowKey={(a) => `${a.asn} ${a.valid_from}`}
      dataSource={of}
      columns={[
        { title: 'ASN', render: (_, a) => <span className="num">AS{a.asn}</span> },
        { title: s.t('holder'), render: (_, a) => <Holder id={a.enterprise_id} name={a.enterprise_name} day={day} /> },
        { title: s.t('validity'), render: (_, a) => <Valid from={a.valid_from} to={a.valid_to} /> },
      ]}
    />
  );
}

function AllocationTable({ of, day }: { of: Schemas['Allocation'][] } & Day) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      rowKey={(a) => `${a.prefix} ${a.valid_from}`}
      dataSource={of}
      columns={[
        { title: s.t('block'), render: (_, a) => <Link className="num" to={resourceLink({ block: a.prefix, day })}>{a.prefix}</Link> },
        { title: s.t('use'), render: (_, a) => called(s, 'use', a.use) },
        { title: s.t('place'), render: (_, a) => province(s, a.place) },
        { title: s.t('parent'), render: (_, a) => <Holder id={a.parent} name="" day={day} /> },
        { title: s.t('validity'), render: (_, a) => <Valid from={a.valid_from} to={a.valid_to} /> },
      ]}
    />
  );
}

export function BlockTable({ of, day }: { of: Schemas['Block'][] } & Day) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      rowKey={(b) => `${b.allocation.prefix} ${b.allocation.valid_from}`}
      dataSource={of}
      columns={[
        { title: s.t('block'), render: (_, b) => <Link className="num" to={resourceLink({ block: b.allocation.prefix, day })}>{b.allocation.prefix}</Link> },
        { title: s.t('holder'), render: (_, b) => <Holder id={b.allocation.enterprise_id} name={b.allocation.enterprise_name} day={day} /> },
        { title: s.t('use'), render: (_, b) => called(s, 'use', b.allocation.use) },
        { title: s.t('licences'), render: (_, b) => <Licensed block={b} /> },
        { title: s.t('validity'), render: (_, b) => <Valid from={b.allocation.valid_from} to={b.allocation.valid_to} /> },
      ]}
    />
  );
}

/** EnterpriseView is an enterprise with its licences and all it holds on a day. */
export function EnterpriseView({ id, day }: { id: string } & Day) {
  const s = useSpeech();
  const got = useGet('/api/v1/enterprises/{id}', { params: { path: { id }, query: { day } } });
  return (
    <Panel title={<>{s.t('enterprise')} <Raw>{got.data?.enterprise.name ?? id}</Raw></>}>
      <Loaded got={got}>
        {({ enterprise: e, licences, asns, allocations, lines }) => (
          <>
            <Pairs
              of={[
                ['ID', <Raw key="i">{e.enterprise_id}</Raw>],
                [s.t('uscc'), <Raw key="u">{e.uscc}</Raw>],
                ['English', e.name_en && <Raw key="n">{e.name_en}</Raw>],
                [s.t('nature'), called(s, 'nature', e.nature)],
                [s.t('place'), province(s, e.place)],
                [s.t('parent'), e.parent_id && <Holder key="p" id={e.parent_id} name="" day={day} />],
                [s.t('credit'), `${called(s, 'credit', e.credit)}${e.credit_since ? ` (${s.t('since')} ${e.credit_since})` : ''}`],
              ]}
            />
            <p className="no-print"><Link to={`/findings?text=${encodeURIComponent(e.enterprise_id)}`}>{s.t('resItsFindings')}</Link></p>
            <h3>{s.t('licences')}</h3>
            <Licences of={licences} day={day} />
            <h3>{s.t('block')} ({allocations.length})</h3>
            {allocations.length ? <AllocationTable of={allocations} day={day} /> : <p className="dim">{s.t('resHoldsNone')}</p>}
            {asns.length > 0 && <><h3>AS ({asns.length})</h3><AsnTable of={asns} day={day} /></>}
            {lines.length > 0 && <><h3>{s.t('line')} ({lines.length})</h3><LineTable of={lines} /></>}
          </>
        )}
      </Loaded>
    </Panel>
  );
}

export function EnterpriseTable({ of, day }: { of: Schemas['Enterprise'][] } & Day) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      rowKey={(e) => e.enterprise_id}
      dataSource={of}
      columns={[
        { title: s.t('enterprise'), render: (_, e) => <Holder id={e.enterprise_id} name={e.name} day={day} /> },
        { title: 'ID', render: (_, e) => <Raw>{e.enterprise_id}</Raw> },
        { title: s.t('uscc'), render: (_, e) => <Raw>{e.uscc}</Raw> },
        { title: s.t('nature'), render: (_, e) => called(s, 'nature', e.nature) },
        { title: s.t('place'), render: (_, e) => province(s, e.place) },
      ]}
    />
  );
}

export function DomainTable({ of, day }: { of: Schemas['Domain'][] } & Day) {
  const s = useSpeech();
  return (
    <Table
      size="small"
      pagination={few}
      rowKey={(d) => `${d.domain} ${d.address} ${d.first_seen}`}
      dataSource={of}
      columns={[
        { title: s.t('domain'), render: (_, d) => <Raw>{d.domain}</Raw> },
        { title: s.t('address'), render: (_, d) => <Link className="num" to={resourceLink({ q: d.address, day })}>{d.address}</Link> },
        { title: s.t('firstSeen'), render: (_, d) => (d.first_seen.includes('T') ? <Time of={d.first_seen} /> : d.first_seen) },
        { title: s.t('lastSeen'), render: (_, d) => (d.last_seen.includes('T') ? <Time of={d.last_seen} /> : d.last_seen) },
        { title: s.t('filingNo'), render: (_, d) => (d.filing_no ? <Raw>{d.filing_no}</Raw> : <span className="dim">{s.t('resNoFiling')}</span>) },
        { title: s.t('holder'), render: (_, d) => <Holder id={d.enterprise_id} name="" day={day} /> },
      ]}
    />
  );
}
