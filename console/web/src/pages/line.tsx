import { Segmented, Switch } from 'antd';
import { useEffect, useMemo, useState } from 'react';
import { Link, useParams, useSearchParams } from 'react-router';
import type { Schemas } from '../api/client';
import { useGet } from '../api/use';
import { bytes, count, percent } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, country, province } from '../names';
import { Bars } from '../parts/bars';
import { Agreement, Directions } from '../parts/counters';
import { Heat } from '../parts/heat';
import { Printing } from '../parts/printing';
import { Clauses, Loaded, Nothing, Pairs, Panel, Raw, Severity, State, Time } from '../parts/show';

type Detail = Schemas['LineDetail'];
type Ends = Schemas['LineEnds'];

/** spanOf are the last so many days, to the hour, so that a page read again asks
 * the same. */
function spanOf(days: number): { from: string; to: string } {
  const to = new Date();
  to.setMinutes(0, 0, 0);
  return { from: new Date(to.getTime() - days * 86_400_000).toISOString(), to: to.toISOString() };
}

function Line({ of }: { of: Detail }) {
  const s = useSpeech();
  const l = of.line;
  return (
    <Panel title={s.t('line')}>
      <Pairs
        of={[
          [s.t('enterprise'), <Link key="e" to={`/resources?q=${encodeURIComponent(l.enterprise_id)}`}><Raw>{of.enterprise?.name || l.enterprise_name || l.enterprise_id}</Raw></Link>],
          [s.t('nature'), called(s, 'nature', of.enterprise?.nature)],
          [s.t('credit'), of.enterprise ? <span key="c" className={of.enterprise.credit === 'bad' ? 'bad' : ''}>{called(s, 'credit', of.enterprise.credit)}</span> : ''],
          [s.t('scope'), called(s, 'scope', l.scope)],
          [s.t('technology'), called(s, 'technology', l.technology)],
          [s.t('use'), called(s, 'use', l.use)],
          [s.t('bandwidth'), <span key="b" className="num">{count(s, l.bandwidth_mbps)} Mbit/s</span>],
          [called(s, 'end', 'a'), province(s, l.a_place)],
          [called(s, 'end', 'z'), l.z_country ? country(s, l.z_country) : ''],
          [s.t('orderOrigin'), called(s, 'order', l.order_origin)],
          [s.t('validity'), <span key="v" className="num">{l.valid_from} – {l.valid_to || s.t('openEnded')}</span>],
        ]}
      />
    </Panel>
  );
}

function File({ of, international }: { of: Schemas['LineFile'][]; international: boolean }) {
  const s = useSpeech();
  if (of.length === 0) return <p className={international ? 'bad' : 'dim'}>{international ? s.t('noUserFile') : s.t('none')}</p>;
  return (
    <div className="stack">
      {of.map((f) => (
        <Pairs
          key={f.user_file}
          of={[
            [s.t('userFile'), <Raw key="f">{f.user_file}</Raw>],
            [s.t('purpose'), f.purpose ? <Raw key="p">{f.purpose}</Raw> : ''],
            [s.t('officeUse'), f.office_use_committed === 'yes' ? s.t('yes') : f.office_use_committed === 'no' ? <span key="n" className="bad">{s.t('no')}</span> : s.t('unknown')],
            [s.t('committedOn'), f.committed_on],
            [s.t('contractClauses'), f.clauses_known ? f.clauses.map((c) => called(s, 'clauseText', c)).join(s.lang === 'zh' ? '、' : ', ') : s.t('unknown')],
            [s.t('verifiedOn'), f.contact_verified_on],
            [s.t('reviewedOn'), f.reviewed_on],
          ]}
        />
      ))}
    </div>
  );
}

function EndsTable({ of }: { of: Ends }) {
  const s = useSpeech();
  return (
    <div className="facing ends">
      <div>
        <h3>{s.t('declared')}</h3>
        {of.declared.length === 0 ? <p className="dim">{s.t('noDeclared')}</p> : (
          <table className="plain"><thead><tr><th>{s.t('end')}</th><th>{s.t('network')}</th><th>{s.t('kind')}</th></tr></thead>
            <tbody>{of.declared.map((d) => <tr key={`${d.end} ${d.prefix}`}><td>{called(s, 'end', d.end)}</td><td className="mono">{d.prefix}</td><td>{called(s, 'network', d.kind)}</td></tr>)}</tbody></table>
        )}
      </div>
      <div>
        <h3>{s.t('observed')} <span className="dim">{bytes(of.total_bytes)} · {s.t('samplesOf', { n: count(s, of.samples) })}</span></h3>
        {of.observed.length === 0 ? <p className="dim">{s.t('noObserved')}</p> : (
          <div className="scroll tall"><table className="plain">
            <thead><tr><th>{s.t('end')}</th><th>{s.t('network')}</th><th>{s.t('country')}</th><th>{s.t('kind')}</th><th className="num">{s.t('shareOfBytes')}</th><th /></tr></thead>
            <tbody>
              {of.observed.map((o) => (
                <tr key={`${o.side} ${o.network}`}>
                  <td>{called(s, 'side', o.side)}</td>
                  <td><span className="mono">{o.network}</span><span className="sub dim"><Raw>{o.name}</Raw></span></td>
                  <td>{o.country ? country(s, o.country) : ''}</td>
                  <td>{o.kind ? called(s, 'network', o.kind) : ''}</td>
                  <td className="num">{percent(o.share, o.error_95)}</td>
                  <td>{o.declared ? <span className="good nowrap">✓ {s.t('inDeclared')}</span> : <span className="tag-bad">{s.t('notDeclared')}</span>}</td>
                </tr>
              ))}
            </tbody>
          </table></div>
        )}
        {of.left_out > 0 && <p className="dim">{s.t('leftOut', { n: of.left_out })}</p>}
      </div>
    </div>
  );
}

/** Arrived is how much of the data of the line there is, which is what findings
 * about it rest on. */
function Arrived({ of }: { of: Schemas['LineCompleteness'] }) {
  const s = useSpeech();
  if (of.exporters.length === 0) return <Nothing>{s.t('notCounted')} <Link to="/ledgers?ledger=interfaces">{s.t('ledgers')}</Link></Nothing>;
  return (
    <>
      <Pairs
        of={[
          [s.t('completeness'), <span key="c" className={of.completeness < 0.9 ? 'num bad' : 'num good'}>{percent(of.completeness)}</span>],
          [s.t('exporter'), of.exporters.join(s.lang === 'zh' ? '、' : ', ')],
          [`${s.t('stored')} / ${s.t('received')}`, <span key="r" className="num">{count(s, of.stored)} / {count(s, of.received)}</span>],
          [s.t('missed'), <span key="m" className={of.missed ? 'num bad' : 'num'}>{count(s, of.missed)}</span>],
          [s.t('silentMinutes'), <span key="s" className={of.silent_minutes ? 'num bad' : 'num'}>{count(s, of.silent_minutes)} / {count(s, of.expected_minutes)}</span>],
          [<span key="t" title={s.t('countersWhat')}>{s.t('counters')}</span>, <span key="k"><Agreement of={of.counters} /></span>],
        ]}
      />
      {of.interfaces.length > 0 ? (
        <table className="plain">
          <thead><tr><th>{s.t('exporter')}</th><th>{s.t('interfaceName')}</th><th className="num">{s.t('comparedHours')}</th><th>{s.t('countedIn')}</th><th>{s.t('countedOut')}</th></tr></thead>
          <tbody>{of.interfaces.map((i) => <tr key={`${i.exporter} ${i.if_index}`}><td className="nowrap">{i.exporter}</td><td><Raw>{i.name}</Raw> <span className="dim num">{i.if_index}</span></td><td className="num">{count(s, i.hours)}</td><td><Agreement of={i.in} /></td><td><Agreement of={i.out} /></td></tr>)}</tbody>
        </table>
      ) : <p className="dim"><Directions of={of.counters} /></p>}
      {of.completeness < 0.9 && <p className="bad">{s.t('lowCompleteness')}</p>}
    </>
  );
}

function Traffic({ id }: { id: string }) {
  const s = useSpeech();
  const { can } = useMe();
  const [asked, setAsked] = useSearchParams();
  const days = [1, 7, 28].find((d) => String(d) === asked.get('days')) ?? 7;
  const [unmasked, setUnmasked] = useState(false);
  const span = useMemo(() => spanOf(days), [days]);
  const week = useMemo(() => spanOf(28), []);
  const ends = useGet('/api/v1/lines/{id}/networks', { params: { path: { id }, query: { ...span, ...(unmasked ? { unmasked: true } : {}) } } });
  const arrived = useGet('/api/v1/lines/{id}/completeness', { params: { path: { id }, query: span } });
  const heat = useGet('/api/v1/lines/{id}/heatmap', { params: { path: { id }, query: week } });
  const share = (list: Schemas['Share'][], name: (key: string) => string) => list.map((x) => ({ key: x.key, label: name(x.key), value: x.share, text: percent(x.share, x.error_95) }));
  return (
    <>
      <Panel
        title={s.t('ends')}
        extra={
          <>
            {can('unmasked') && <label title={s.t('unmaskedNote')} className="no-print"><Switch size="small" checked={unmasked} onChange={setUnmasked} /> {s.t('unmasked')}</label>}
            <Segmented size="small" className="no-print" value={days} options={[1, 7, 28].map((d) => ({ value: d, label: s.t('showLast', { n: d }) }))} onChange={(d) => setAsked((p) => { const q = new URLSearchParams(p); q.set('days', String(d)); return q; }, { replace: true })} />
          </>
        }
      >
        <Loaded got={ends}>{(of) => <EndsTable of={of} />}</Loaded>
      </Panel>
      <Panel title={s.t('completeness')} note={<>{s.t('countersWhat')} · {s.t('showLast', { n: days })}</>}><Loaded got={arrived}>{(of) => <Arrived of={of} />}</Loaded></Panel>
      <Panel title={s.t('heat')} note={<>{s.t('heatWhat')} · {s.t('showLast', { n: 28 })}{heat.data && <> · {s.t('hoursRead', { n: heat.data.hours })}</>}</>}>
        <Loaded got={heat} rows={8}>{(of) => (of.hours === 0 ? <Nothing>{s.t('noObserved')}</Nothing> : <div className="facing">{of.zones.map((z) => <Heat key={`${z.end} ${z.zone}`} of={z} />)}</div>)}</Loaded>
      </Panel>
      <div className="grid">
        <Panel title={s.t('kinds')} className="w6" note={s.t('showLast', { n: days })}><Loaded got={ends}>{(of) => (of.kinds.length ? <div className="wide-bars"><Bars whole={1} of={share(of.kinds, (k) => called(s, 'network', k))} /></div> : <Nothing>{s.t('noObserved')}</Nothing>)}</Loaded></Panel>
        <Panel title={s.t('countries')} className="w6" note={s.t('showLast', { n: days })}><Loaded got={ends}>{(of) => (of.countries.length ? <div className="wide-bars"><Bars whole={1} of={share(of.countries, (k) => country(s, k))} /></div> : <Nothing>{s.t('noObserved')}</Nothing>)}</Loaded></Panel>
      </div>
    </>
  );
}

function Verdicts({ of }: { of: Detail['findings'] }) {
  const s = useSpeech();
  if (of.length === 0) return <Nothing>{s.t('noVerdicts')}</Nothing>;
  return (
    <table className="plain">
      <thead><tr><th>{s.t('severity')}</th><th>{s.t('indication')}</th><th>{s.t('state')}</th><th>{s.t('firstSeen')}</th><th>{s.t('lastSeen')}</th></tr></thead>
      <tbody>{of.map((f) => <tr key={f.id}><td><Severity of={f.severity} /></td><td><Link to={`/findings/${f.id}`}>{s.pick(f.title)}</Link><span className="sub dim">{f.rule} · <Clauses of={f.clauses} /></span></td><td><State of={f.state} /></td><td><Time of={f.first_seen} how="day" /></td><td><Time of={f.last_seen} how="day" /></td></tr>)}</tbody>
    </table>
  );
}

function Around({ of }: { of: Detail }) {
  const s = useSpeech();
  return (
    <div className="grid">
      <Panel title={s.t('ports')} className="w6">
        {of.ports.length === 0 ? <p className="dim">{s.t('none')}</p> : (
          <table className="plain"><thead><tr><th>{s.t('exporter')}</th><th>{s.t('interfaceName')}</th><th>{s.t('role')}</th><th className="num">{s.t('bandwidth')}</th><th>{s.t('gateway')}</th></tr></thead>
            <tbody>{of.ports.map((p) => <tr key={`${p.exporter}/${p.if_index}`}><td><Raw>{p.exporter_name || p.exporter}</Raw></td><td><Raw>{p.name}</Raw> <span className="dim num">{p.if_index}</span></td><td>{called(s, 'port', p.role)}</td><td className="num">{count(s, p.speed_mbps)} Mbit/s</td><td><Raw>{p.gateway}</Raw></td></tr>)}</tbody></table>
        )}
      </Panel>
      <Panel title={s.t('approvals')} className="w6">
        {of.approvals.length === 0 ? <p className="dim">{s.t('none')}</p> : (
          <table className="plain"><tbody>{of.approvals.map((a) => <tr key={a.approval_no}><td><Raw>{a.approval_no}</Raw></td><td>{called(s, 'approval', a.kind)}</td><td className="num">{a.valid_from} – {a.valid_to || s.t('openEnded')}</td></tr>)}</tbody></table>
        )}
      </Panel>
      <Panel title={s.t('history')} className="w12">
        <table className="plain"><thead><tr><th>{s.t('validity')}</th><th>{s.t('enterprise')}</th><th>{s.t('technology')}</th><th>{s.t('use')}</th><th className="num">{s.t('bandwidth')}</th><th>{s.t('userFile')}</th></tr></thead>
          <tbody>{of.history.map((h) => <tr key={`${h.valid_from} ${h.enterprise_id}`}><td className="nowrap">{h.valid_from} – {h.valid_to || s.t('openEnded')}</td><td><Raw>{h.enterprise_name || h.enterprise_id}</Raw></td><td>{called(s, 'technology', h.technology)}</td><td>{called(s, 'use', h.use)}</td><td className="num">{count(s, h.bandwidth_mbps)} Mbit/s</td><td><Raw>{h.user_file}</Raw></td></tr>)}</tbody></table>
      </Panel>
    </div>
  );
}

/** A line: what is filed about it, what it carries, and what was found. */
export default function LinePage() {
  const s = useSpeech();
  const { id = '' } = useParams();
  const { me } = useMe();
  const got = useGet('/api/v1/lines/{id}', { params: { path: { id } } });
  useEffect(() => {
    document.title = `${id} · ${me?.carrier ?? ''} · Linewarden`;
  }, [id, me]);
  return (
    <>
      <div className="title">
        <h1><Raw>{id}</Raw></h1>
        <span className="dim"><Raw>{got.data?.line.enterprise_name}</Raw></span>
        <div className="title-right"><Link className="no-print" to="/lines">{s.t('lines')}</Link><Printing /></div>
      </div>
      <Loaded got={got} rows={12}>
        {(of) => (
          <>
            <div className="grid">
              <div className="w7"><Line of={of} /></div>
              <div className="w5"><Panel title={s.t('userFile')}><File of={of.user_files} international={of.line.scope === 'international'} /></Panel></div>
            </div>
            <Panel title={s.t('verdicts')}><Verdicts of={of.findings} /></Panel>
            <Traffic id={id} />
            <Around of={of} />
          </>
        )}
      </Loaded>
    </>
  );
}
