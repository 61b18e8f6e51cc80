import { LinkOutlined } from '@ant-design/icons';
import { App, Button } from 'antd';
import { useEffect } from 'react';
import { Link, useParams } from 'react-router';
import type { Schemas } from '../../api/client';
import { useGet } from '../../api/use';
import { percent } from '../../format';
import { useSpeech } from '../../i18n';
import { useMe } from '../../me';
import { called, province } from '../../names';
import { Printing } from '../../parts/printing';
import { Loaded, Pairs, Panel, Raw, Severity, State, Time } from '../../parts/show';
import { Evidence } from './evidence';
import { Facts } from './facts';
import { LedgersPanel } from './ledgers';
import { testName } from './names';
import { NetworksPanel } from './networks';
import { RoutesPanel } from './routes';
import { TrafficPanel } from './traffic';
import { History, Work } from './work';

type Found = Schemas['FindingWithEvents'];

/** subjectPath is where one looks at the subject of a finding. */
function subjectPath(of: Found): string {
  const id = encodeURIComponent(of.subject.id);
  if (of.subject.kind === 'line') return `/lines/${id}`;
  if (of.subject.kind === 'interface' || of.subject.kind === 'exporter') return '/system';
  return `/resources?q=${of.subject.kind === 'asn' ? `AS${id}` : id}`;
}

function Claim({ of }: { of: Found }) {
  const s = useSpeech();
  return (
    <section className={`claim ${of.severity}`} aria-label={s.t('claim')}>
      <Severity of={of.severity} /> <State of={of.state} /> <span className="dim">{s.t('claim')}</span>
      <p><Raw>{s.pick(of.explanation)}</Raw></p>
    </section>
  );
}

function Benign({ of }: { of: Schemas['Benign'][] }) {
  const s = useSpeech();
  if (of.length === 0) return <p className="dim">{s.t('noBenign')}</p>;
  return (
    <table className="plain">
      <thead><tr><th>{s.t('benign')}</th><th>{s.t('benignWhy')}</th></tr></thead>
      <tbody>{of.map((b) => <tr key={b.name}><th scope="row" className="dim">{testName(s, b.name)}</th><td>{s.pick(b.result)}</td></tr>)}</tbody>
    </table>
  );
}

function Body({ of, etag, reload }: { of: Found; etag: string | undefined; reload: () => void }) {
  const s = useSpeech();
  const { can } = useMe();
  const { id } = of;
  const ledgers = useGet('/api/v1/findings/{id}/ledgers', { params: { path: { id } } });
  const rule = useGet('/api/v1/rules/{id}', { params: { path: { id: of.rule } } });
  const subject = of.subject;
  return (
    <>
      <Claim of={of} />
      <div className="grid">
        <div className="w8 stack">
          <Panel title={s.t('factsDeclared')}><Facts of={of} params={ledgers.data?.params as Record<string, unknown> | undefined} rule={rule.data} /></Panel>
          <Panel title={s.t('subject')}>
            <Pairs
              of={[
                [called(s, 'subject', subject.kind), can('network') ? <Link key="l" to={subjectPath(of)}><Raw>{subject.id}</Raw></Link> : <Raw key="l">{subject.id}</Raw>],
                [s.t('name_'), <Raw key="n">{subject.name}</Raw>],
                [s.t('enterprise'), of.enterprise_id && can('network') ? <Link key="e" to={`/resources?q=${encodeURIComponent(of.enterprise_id)}`}><Raw>{of.enterprise_id}</Raw></Link> : <Raw key="e">{of.enterprise_id}</Raw>],
                [s.t('province'), province(s, of.province)],
                [s.t('rule'), <Link key="r" to={`/rules/${of.rule}`}>{of.rule} {of.rule_version}</Link>],
                [s.t('clauses'), of.clauses.join(' · ')],
                [s.t('window'), <span key="w"><Time of={of.window.from} /> – <Time of={of.window.to} /></span>],
                [s.t('firstSeen'), <Time key="a" of={of.first_seen} />],
                [s.t('lastSeen'), <Time key="b" of={of.last_seen} />],
                [s.t('confidence'), <span key="c" className="num">{of.confidence.toFixed(2)}</span>],
                [s.t('completeness'), <span key="d" className={of.completeness < 0.9 ? 'num bad' : 'num'}>{percent(of.completeness)}</span>],
              ]}
            />
          </Panel>
        </div>
        <div className="w4 stack">
          <Panel title={s.t('case')}><Work of={of} etag={etag} act={can('act')} reload={reload} /></Panel>
          <Panel title={s.t('evidence')}>{can('act') ? <Evidence id={id} /> : <p className="dim">{s.t('evidenceRole')}</p>}</Panel>
        </div>
      </div>
      <TrafficPanel id={id} />
      {subject.kind === 'line' && <NetworksPanel id={id} />}
      <RoutesPanel id={id} window={of.window} />
      <LedgersPanel got={ledgers} />
      <Panel title={s.t('benign')}><Benign of={of.benign} /></Panel>
      <Panel title={s.t('eventLog')}><History of={of.events ?? []} /></Panel>
    </>
  );
}

export default function FindingPage() {
  const s = useSpeech();
  const { id = '' } = useParams();
  const { me } = useMe();
  const { message } = App.useApp();
  const got = useGet('/api/v1/findings/{id}', { params: { path: { id } } });
  const title = got.data ? s.pick(got.data.title) : s.t('findings');
  useEffect(() => {
    document.title = `${title} · ${me?.carrier ?? ''} · Linewarden`;
  }, [title, me]);
  const share = (): void => {
    void navigator.clipboard?.writeText(location.href).then(() => message.success(s.t('copied')));
  };
  return (
    <>
      <div className="title">
        <h1>{title}</h1>
        <span className="dim mono">{id}</span>
        <div className="title-right">
          <Link className="no-print" to="/findings">{s.t('findings')}</Link>
          <Button className="no-print" icon={<LinkOutlined />} onClick={share}>{s.t('share')}</Button>
          <Printing />
        </div>
      </div>
      <Loaded got={got} rows={12}>{(of) => <Body key={of.id} of={of} etag={got.etag} reload={got.reload} />}</Loaded>
    </>
  );
}
