import { Table, Tag } from 'antd';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { at, duration } from '../format';
import { useSpeech } from '../i18n';
import { called, province } from '../names';
import { Loaded, Pairs, Panel, Raw, Severity, State } from './show';

type Block = Schemas['Block'];

/** resourceLink is the page of resources at a query, block or enterprise of a day. */
export function resourceLink(to: { q?: string; block?: string; enterprise?: string; day?: string }): string {
  const asked = new URLSearchParams();
  for (const [key, value] of Object.entries(to)) if (value) asked.set(key, value);
  return `/resources?${asked.toString()}`;
}

export function Valid({ from, to }: { from: string; to: string }) {
  const s = useSpeech();
  return <span className="num">{from || '—'} – {to || s.t('openEnded')}</span>;
}

/** Licensed says in a word whether a licence for what is needed is in the ledgers. */
export function Licensed({ block }: { block: Pick<Block, 'needed' | 'licensed'> }) {
  const s = useSpeech();
  if (block.needed.length === 0) return <span className="dim">{s.t('resNotNeeded')}</span>;
  return block.licensed ? <Tag color="green" title={s.t('resLicensedHint')}>{s.t('licensedYes')}</Tag> : <Tag color="red">{s.t('licensedNo')}</Tag>;
}

export function Holder({ id, name, day }: { id: string; name: string; day: string | undefined }) {
  if (!id) return <span className="dim">—</span>;
  return <Link to={resourceLink({ enterprise: id, day })}><Raw>{name || id}</Raw></Link>;
}

export function Licences({ of, day }: { of: Schemas['Licence'][]; day: string | undefined }) {
  const s = useSpeech();
  const then = day ?? at(new Date().toISOString(), 'day');
  const inForce = (l: Schemas['Licence']): boolean => l.status === 'active' && l.valid_from <= then && (l.valid_to === '' || l.valid_to >= then);
  if (of.length === 0) return <p className="dim">{s.t('resNoLicences')}</p>;
  return (
    <Table
      size="small"
      pagination={false}
      scroll={{ x: 'max-content' }}
      rowKey={(l) => `${l.licence_no} ${l.service} ${l.valid_from}`}
      dataSource={of}
      columns={[
        { title: s.t('licenceNo'), render: (_, l) => <Raw>{l.licence_no}</Raw> },
        { title: s.t('service'), render: (_, l) => called(s, 'service', l.service) },
        { title: s.t('coverage'), render: (_, l) => l.coverage.map((c) => province(s, c) || c).join(s.lang === 'zh' ? '、' : ', ') },
        { title: s.t('state'), render: (_, l) => <span className={inForce(l) ? 'good' : 'bad'}>{inForce(l) || l.status !== 'active' ? called(s, 'status', l.status) : l.valid_from > then ? s.t('resNotYet') : called(s, 'status', 'expired')}</span> },
        { title: s.t('validity'), render: (_, l) => <Valid from={l.valid_from} to={l.valid_to} /> },
      ]}
    />
  );
}

/** Announced is who announced a prefix in the week that ends with a day. */
function Announced({ prefix, day }: { prefix: string; day: string | undefined }) {
  const s = useSpeech();
  const end = day ? new Date(`${day}T23:59:59`) : undefined;
  const late = end && end < new Date() ? end : undefined;
  const span = late ? { from: new Date(late.getTime() - 7 * 86400e3).toISOString(), to: late.toISOString() } : {};
  const got = useGet('/api/v1/routes/origins', { params: { query: { prefix, ...span } } });
  return (
    <Loaded got={got}>
      {(origins) =>
        origins.length === 0 ? (
          <p className="dim">{s.t('resNotAnnounced')}</p>
        ) : (
          <Table
            size="small"
            pagination={{ pageSize: 10, hideOnSinglePage: true }}
            rowKey={(o) => `${o.prefix} ${o.origin}`}
            dataSource={origins}
            columns={[
              { title: s.t('prefix'), render: (_, o) => <Link className="num" to={`/routes?prefix=${encodeURIComponent(o.prefix)}`}>{o.prefix}</Link> },
              { title: s.t('origin'), render: (_, o) => <Link className="num" to={resourceLink({ q: `AS${o.origin}`, day })}>AS{o.origin}</Link> },
              { title: s.t('held'), align: 'right', render: (_, o) => <span className="num">{duration(s, o.held_seconds)}</span> },
            ]}
          />
        )
      }
    </Loaded>
  );
}

function Chain({ blocks, day }: { blocks: Block[]; day: string | undefined }) {
  const s = useSpeech();
  return (
    <ol className="chain">
      {blocks.map((b) => (
        <li key={b.allocation.prefix}>
          <Link className="num" to={resourceLink({ block: b.allocation.prefix, day })}>{b.allocation.prefix}</Link>{' '}
          <Holder id={b.allocation.enterprise_id} name={b.allocation.enterprise_name} day={day} />{' '}
          <span className="dim">{called(s, 'use', b.allocation.use)}</span> <Licensed block={b} />
        </li>
      ))}
    </ol>
  );
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return <><h3>{title}</h3>{children}</>;
}

/** BlockView is all about one block: who holds it, from whom, by which licence,
 * and who announces it. */
export function BlockView({ prefix, day }: { prefix: string; day: string | undefined }) {
  const s = useSpeech();
  const got = useGet('/api/v1/allocations/detail', { params: { query: { prefix, day } } });
  return (
    <Panel title={<>{s.t('block')} <span className="num">{prefix}</span></>}>
      <Loaded got={got}>
        {({ block, chain, broadcasts, findings }) => {
          const a = block.allocation;
          return (
            <>
              <Pairs
                of={[
                  [s.t('holder'), <Holder key="h" id={a.enterprise_id} name={a.enterprise_name} day={day} />],
                  [s.t('use'), called(s, 'use', a.use)],
                  [s.t('cloud'), a.cloud === 'yes' ? s.t('yes') : a.cloud === 'no' ? s.t('no') : a.cloud],
                  [s.t('place'), province(s, a.place)],
                  [s.t('filingNo'), a.filing_no && <Raw key="f">{a.filing_no}</Raw>],
                  [s.t('validity'), <Valid key="v" from={a.valid_from} to={a.valid_to} />],
                  [s.t('needed'), block.needed.length ? <span key="n">{block.needed.map((n) => called(s, 'service', n)).join(s.lang === 'zh' ? '、' : ', ')} <Licensed block={block} /></span> : <Licensed key="n" block={block} />],
                ]}
              />
              <Part title={s.t('chain')}><Chain blocks={[...chain.filter((b) => b.allocation.prefix !== a.prefix), block]} day={day} /></Part>
              <Part title={s.t('licences')}><Licences of={block.licences} day={day} /></Part>
              <Part title={s.t('announcements')}><Announced prefix={a.prefix} day={day} /></Part>
              <Part title={s.t('broadcasts')}>
                {broadcasts.length === 0 ? <p className="dim">{s.t('resNoBroadcasts')}</p> : (
                  <Table
                    size="small"
                    pagination={false}
                    rowKey={(b) => `${b.prefix} ${b.announcer} ${b.valid_from}`}
                    dataSource={broadcasts}
                    columns={[
                      { title: s.t('prefix'), render: (_, b) => <span className="num">{b.prefix}</span> },
                      { title: s.t('announcer'), render: (_, b) => <Holder id={b.announcer} name="" day={day} /> },
                      { title: s.t('applicant'), render: (_, b) => <Holder id={b.applicant} name="" day={day} /> },
                      { title: s.t('validity'), render: (_, b) => <Valid from={b.valid_from} to={b.valid_to} /> },
                    ]}
                  />
                )}
              </Part>
              <Part title={s.t('findings')}>
                {findings.length === 0 ? <p className="dim">{s.t('resNoFindings')}</p> : (
                  <ul className="plain-list">
                    {findings.map((f) => <li key={f.id}><Severity of={f.severity} /> <State of={f.state} /> <Link to={`/findings/${encodeURIComponent(f.id)}`}><Raw>{s.pick(f.title)}</Raw></Link></li>)}
                  </ul>
                )}
              </Part>
            </>
          );
        }}
      </Loaded>
    </Panel>
  );
}
