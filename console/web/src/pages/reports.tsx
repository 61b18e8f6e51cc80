import { Alert, App, Button, Checkbox, Form, Input, Progress, Select, Table } from 'antd';
import '../style/more.css';
import { useState } from 'react';
import { api, type Schemas } from '../api/client';
import { useSend } from '../api/send';
import { useGet } from '../api/use';
import { bytes } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called } from '../names';
import { Refused } from '../parts/refused';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Raw, Time } from '../parts/show';

type Report = Schemas['Report'];

/** quartersBefore lists quarters by their names, the present one first. */
function quartersBefore(now: Date, many: number): string[] {
  const at = now.getFullYear() * 4 + Math.floor(now.getMonth() / 3);
  return Array.from({ length: many }, (_, i) => `${Math.floor((at - i) / 4)}Q${((at - i) % 4) + 1}`);
}

type Fields = { quarter: string; language: string; recipient?: string; purpose?: string; unmasked?: boolean; reason?: string };

function Start({ started }: { started: () => void }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const { can } = useMe();
  const [form] = Form.useForm<Fields>();
  const unmasked = Form.useWatch('unmasked', form);
  const { busy, failure, send } = useSend();
  const quarters = quartersBefore(new Date(), 12);
  const start = async (f: Fields): Promise<void> => {
    const body = { quarter: f.quarter, language: f.language, recipient: f.recipient ?? '', purpose: f.purpose ?? '', unmasked: f.unmasked ?? false, reason: f.reason ?? '' };
    const { data } = await send(() => api.POST('/api/v1/reports', { params: { header: {} }, body }));
    if (!data) return;
    message.success(s.t('reportStarted'));
    started();
  };
  return (
    <Panel className="no-print" title={s.t('makeReport')} note={s.t('reportVerify')}>
      {failure && <Refused failure={failure} />}
      <Form<Fields> form={form} layout="inline" onFinish={(f) => void start(f)} initialValues={{ quarter: quarters[1], language: s.lang }}>
        <Form.Item name="quarter" label={s.t('quarter')}><Select className="wide-select" options={quarters.map((q, i) => ({ value: q, label: i === 0 ? `${q} (${s.t('repRunning')})` : q }))} /></Form.Item>
        <Form.Item name="language" label={s.t('reportLanguage')}><Select options={[{ value: 'zh', label: '中文' }, { value: 'en', label: 'English' }]} /></Form.Item>
        <Form.Item name="recipient" label={s.t('recipient')}><Input maxLength={100} /></Form.Item>
        <Form.Item name="purpose" label={s.t('repPurpose')}><Input maxLength={100} /></Form.Item>
        {can('unmasked') && <Form.Item name="unmasked" valuePropName="checked"><Checkbox>{s.t('repUnmask')}</Checkbox></Form.Item>}
        {unmasked && <Form.Item name="reason" label={s.t('reason')} rules={[{ required: true, message: s.t('repReason') }]}><Input maxLength={100} /></Form.Item>}
        <Button type="primary" htmlType="submit" loading={busy}>{s.t('makeReport')}</Button>
      </Form>
      {unmasked && <Alert type="warning" showIcon message={s.t('unmaskedNote')} />}
    </Panel>
  );
}

function Download({ of }: { of: Report }) {
  const s = useSpeech();
  if (of.state !== 'done') return null;
  return <Button size="small" type="primary" href={`/api/v1/reports/${encodeURIComponent(of.id)}/download`} download>{s.t('download')} ZIP</Button>;
}

function List({ turn }: { turn: number }) {
  const s = useSpeech();
  const [running, setRunning] = useState(false);
  const got = useGet('/api/v1/reports', turn >= 0 ? {} : null, running ? 1500 : 15_000);
  const now = got.data?.some((r) => r.state === 'running') ?? false;
  if (now !== running) setRunning(now);
  return (
    <Panel title={s.t('reports')}>
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('noReports')}</Nothing> : (
            <Table
              size="small"
              rowKey="id"
              scroll={{ x: 'max-content' }}
              pagination={{ pageSize: 20, hideOnSinglePage: true }}
              dataSource={list}
              expandable={{
                rowExpandable: (r) => r.files.length > 0,
                expandedRowRender: (r) => <table className="plain"><tbody>{r.files.map((f) => <tr key={f.name}><td className="mono"><bdi>{f.name}</bdi></td><td className="num">{bytes(f.bytes)}</td></tr>)}</tbody></table>,
              }}
              columns={[
                { title: s.t('quarter'), render: (_, r) => <strong className="num">{r.quarter}</strong> },
                { title: s.t('reportLanguage'), render: (_, r) => (r.language === 'en' ? 'English' : '中文') },
                { title: s.t('state'), render: (_, r) => <span className={r.state === 'failed' ? 'bad' : r.state === 'done' ? 'good' : ''}>{called(s, 'job', r.state)}</span> },
                { title: s.t('progress'), width: 220, render: (_, r) => <><Progress aria-label={s.t('progress')} size="small" percent={Math.round(100 * r.progress)} status={r.state === 'failed' ? 'exception' : r.state === 'running' ? 'active' : undefined} />{r.error ? <span className="bad"><Raw>{r.error}</Raw></span> : r.state === 'running' && <span className="dim">{called(s, 'step', r.step)}</span>}</> },
                { title: s.t('begun'), render: (_, r) => <Time of={r.began} how="second" /> },
                { title: s.t('ended'), render: (_, r) => <Time of={r.ended} how="second" /> },
                { title: s.t('by'), render: (_, r) => <Raw>{r.by}</Raw> },
                { title: s.t('repThird'), render: (_, r) => (r.unmasked ? <span className="bad">{s.t('repUnmasked')}</span> : s.t('repMasked')) },
                { title: s.t('files'), align: 'right', render: (_, r) => <span className="num">{r.files.length > 0 && `${r.files.length} · ${bytes(r.files.reduce((sum, f) => sum + f.bytes, 0))}`}</span> },
                { title: s.t('download'), render: (_, r) => <Download of={r} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Panel>
  );
}

/** Reports starts quarterly reports, shows how far they are and hands them out. */
export default function Reports() {
  const s = useSpeech();
  const { me } = useMe();
  const [turn, setTurn] = useState(0);
  const whole = me?.provinces.length === 0 && me.role !== 'noc';
  const may = whole && (me.role === 'compliance' || me.role === 'admin');
  return (
    <>
      <div className="title"><h1>{s.t('reports')}</h1><div className="title-right"><Printing /></div></div>
      {may && <Start started={() => setTurn((n) => n + 1)} />}
      {whole && <List key={turn} turn={turn} />}
      {!whole && <Panel title={s.t('reports')}><Nothing>{s.t('wholeOnly')}</Nothing></Panel>}
    </>
  );
}
