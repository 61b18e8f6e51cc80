import { Button, DatePicker, Form, InputNumber, Popconfirm, Progress, Table } from 'antd';
import dayjs, { type Dayjs } from 'dayjs';
import { useState } from 'react';
import { useSearchParams } from 'react-router';
import { api, type Schemas } from '../api/client';
import { useSend } from '../api/send';
import { useGet } from '../api/use';
import { count, percent } from '../format';
import { useSpeech } from '../i18n';
import { useMe } from '../me';
import { called, province } from '../names';
import { paramShown, paramStored, paramText } from '../parts/param';
import { Refused } from '../parts/refused';
import { Loaded, Nothing, Panel, Raw, Severity, Time } from '../parts/show';

type Rule = Schemas['Rule'];
type Backtest = Schemas['Backtest'];
type Fields = { span: [Dayjs, Dayjs]; params?: Record<string, number | null> };

const mostDays = 92;

function Start({ rule, started }: { rule: Rule; started: (id: string) => void }) {
  const s = useSpeech();
  const { busy, failure, send } = useSend();
  const start = async (f: Fields): Promise<void> => {
    const params: Record<string, number> = {};
    for (const p of rule.params) {
      const given = f.params?.[p.name];
      if (given !== null && given !== undefined) params[p.name] = paramStored(given, p.unit);
    }
    const body = { rule: rule.id, from: f.span[0].format('YYYY-MM-DD'), to: f.span[1].format('YYYY-MM-DD'), params };
    const { data } = await send(() => api.POST('/api/v1/backtests', { params: { header: {} }, body }));
    if (data) started(data.id);
  };
  return (
    <Form<Fields> layout="inline" className="no-print asking" onFinish={(f) => void start(f)} initialValues={{ span: [dayjs().subtract(Math.max(1, rule.lookback_days), 'day'), dayjs()] }}>
      {failure && <Refused failure={failure} />}
      <Form.Item name="span" label={s.t('backtestSpan')} rules={[{ required: true, message: s.t('backtestSpan') }]}>
        <DatePicker.RangePicker allowClear={false} maxDate={dayjs()} disabledDate={(d, { from }) => from !== undefined && Math.abs(d.diff(from, 'day')) >= mostDays} />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={busy}>{s.t('backtestStart')}</Button>
      {rule.params.length > 0 && (
        <details className="wide">
          <summary>{s.t('backtestParams')}</summary>
          {rule.params.map((p) => (
            <Form.Item key={p.name} name={['params', p.name]} label={s.pick(p.meaning)} colon={false}>
              <InputNumber min={paramShown(p.min, p.unit)} max={paramShown(p.max, p.unit)} placeholder={s.t('inForceValue', { v: paramText(s, p.value, p.unit) })} addonAfter={called(s, 'unit', p.unit) || undefined} />
            </Form.Item>
          ))}
        </details>
      )}
    </Form>
  );
}

function How({ of }: { of: Backtest }) {
  const s = useSpeech();
  return (
    <>
      <Progress aria-label={s.t('progress')} size="small" percent={Math.round(100 * of.progress)} status={of.state === 'failed' ? 'exception' : of.state === 'running' ? 'active' : undefined} />
      {of.error ? <span className="bad"><Raw>{of.error}</Raw></span> : of.state === 'running' && <span className="dim">{called(s, 'step', of.step)}</span>}
    </>
  );
}

const sum = (list: Schemas['Count'][]): number => list.reduce((n, c) => n + c.count, 0);

function Counted({ title, of, name }: { title: string; of: Schemas['Count'][]; name: (key: string) => string }) {
  const s = useSpeech();
  if (of.length === 0) return null;
  return (
    <div>
      <h3>{title}</h3>
      <table className="plain facts"><tbody>{of.map((c) => <tr key={c.key}><th scope="row">{name(c.key)}</th><td className="num">{count(s, c.count)}</td></tr>)}</tbody></table>
    </div>
  );
}

/** Outcome says in words and figures what a rule would raise. */
function Outcome({ id, rule }: { id: string; rule: Rule }) {
  const s = useSpeech();
  const [running, setRunning] = useState(true);
  const got = useGet('/api/v1/backtests/{id}', { params: { path: { id } } }, running ? 1000 : 0);
  const now = got.data ? got.data.state === 'running' : got.failure === undefined;
  if (now !== running) setRunning(now);
  const stateName = (key: string): string => (key === 'none' ? s.t('backtestNotThere') : called(s, 'state', key));
  return (
    <Loaded got={got}>
      {(b) => {
        const fresh = b.known.find((c) => c.key === 'none')?.count ?? 0;
        const withheld = sum(b.withheld);
        const set = Object.entries(b.params).map(([name, v]) => `${name} ${paramText(s, v, rule.params.find((p) => p.name === name)?.unit ?? '')}`);
        return (
          <div className="stack">
            <p><Time of={b.from} /> – <Time of={b.to} /> · {set.length ? set.join(' · ') : s.t('backtestAsSet')}</p>
            {b.state !== 'done' && <How of={b} />}
            {b.state === 'done' && (
              <>
                <p className="said">{s.t('backtestWords', { subjects: count(s, b.subjects), total: count(s, b.total), new: count(s, fresh), known: count(s, b.total - fresh), lost: count(s, sum(b.lost)) })} {withheld > 0 && `${s.t('backtestWithheld', { n: count(s, withheld) })}${s.lang === 'zh' ? '。' : '.'}`}</p>
                <div className="facing">
                  <Counted title={s.t('backtestKnown')} of={b.known} name={stateName} />
                  <Counted title={s.t('backtestLost')} of={b.lost} name={stateName} />
                  <Counted title={s.t('backtestWithheld', { n: count(s, withheld) })} of={b.withheld} name={(key) => called(s, 'withheld', key)} />
                </div>
                {b.findings.length > 0 && (
                  <Table
                    size="small"
                    rowKey="id"
                    pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
                    dataSource={b.findings}
                    title={b.total > b.findings.length ? () => s.t('backtestFirst', { n: count(s, b.findings.length) }) : undefined}
                    columns={[
                      { title: s.t('severity'), render: (_, f) => <Severity of={f.severity} /> },
                      { title: s.t('subject'), render: (_, f) => <>{called(s, 'subject', f.subject.kind)} <Raw>{f.subject.id}</Raw><span className="sub dim"><Raw>{f.subject.name}</Raw></span></> },
                      { title: s.t('province'), render: (_, f) => province(s, f.province) },
                      { title: s.t('claim'), render: (_, f) => <Raw>{s.pick(f.explanation)}</Raw> },
                      { title: s.t('confidence'), align: 'right', render: (_, f) => <span className="num">{f.confidence.toFixed(2)}</span> },
                      { title: s.t('completeness'), align: 'right', render: (_, f) => <span className="num">{percent(f.completeness)}</span> },
                    ]}
                  />
                )}
              </>
            )}
          </div>
        );
      }}
    </Loaded>
  );
}

function Runs({ list, chosen, choose, dropped }: { list: Backtest[]; chosen: string; choose: (id: string) => void; dropped: () => void }) {
  const s = useSpeech();
  const { failure, send } = useSend();
  const drop = async (id: string): Promise<void> => {
    await send(() => api.DELETE('/api/v1/backtests/{id}', { params: { path: { id }, header: {} } }));
    dropped();
  };
  return (
    <>
      {failure && <Refused failure={failure} />}
      <Table
        size="small"
        rowKey="id"
        pagination={false}
        dataSource={list}
        rowClassName={(b) => (b.id === chosen ? 'here' : '')}
        columns={[
          { title: s.t('window'), render: (_, b) => <><Time of={b.from} how="day" /> – <Time of={b.to} how="day" /></> },
          { title: s.t('state'), render: (_, b) => <span className={b.state === 'failed' ? 'bad' : b.state === 'done' ? 'good' : ''}>{called(s, 'job', b.state)}</span> },
          { title: s.t('progress'), width: 220, render: (_, b) => <How of={b} /> },
          { title: s.t('findings'), align: 'right', render: (_, b) => <span className="num">{b.state === 'done' && count(s, b.total)}</span> },
          { title: s.t('begun'), render: (_, b) => <Time of={b.began} how="second" /> },
          { title: s.t('by'), render: (_, b) => <Raw>{b.by}</Raw> },
          {
            title: '',
            className: 'no-print',
            render: (_, b) => (
              <span className="nowrap">
                <Button size="small" type="link" onClick={() => choose(b.id)}>{s.t('backtestShow')}</Button>
                <Popconfirm title={b.state === 'running' ? s.t('cancel') : s.t('backtestDrop')} onConfirm={() => void drop(b.id)} okText={s.t('yes')} cancelText={s.t('no')}>
                  <Button size="small" type="link" danger>{b.state === 'running' ? s.t('cancel') : s.t('backtestDrop')}</Button>
                </Popconfirm>
              </span>
            ),
          },
        ]}
      />
    </>
  );
}

function Bench({ rule }: { rule: Rule }) {
  const s = useSpeech();
  const [asked, setAsked] = useSearchParams();
  const chosen = asked.get('backtest') ?? '';
  const [running, setRunning] = useState(false);
  const got = useGet('/api/v1/backtests', {}, running ? 1500 : 0);
  const list = (got.data ?? []).filter((b) => b.rule === rule.id);
  const now = list.some((b) => b.state === 'running');
  if (now !== running) setRunning(now);
  const choose = (id: string): void => setAsked(id ? { backtest: id } : {}, { replace: true });
  return (
    <div className="stack">
      <Start rule={rule} started={(id) => { choose(id); got.reload(); }} />
      {chosen && <Outcome key={chosen} id={chosen} rule={rule} />}
      <Loaded got={got}>
        {() => (list.length === 0 ? <Nothing>{s.t('backtestNone')}</Nothing> : <><Runs list={list} chosen={chosen} choose={choose} dropped={() => { choose(''); got.reload(); }} /><p className="dim">{s.t('backtestKept')}</p></>)}
      </Loaded>
    </div>
  );
}

/** Backtests judges spans by a rule, with other parameters where one likes, and
 * shows what it would raise. */
export function Backtests({ rule }: { rule: Rule }) {
  const s = useSpeech();
  const { me, can } = useMe();
  const may = can('act') && me?.provinces.length === 0;
  return (
    <Panel title={s.t('backtest')} note={s.t('backtestWhat')}>
      {may ? <Bench rule={rule} /> : <><p className="dim">{s.t('backtestWho')}</p><p className="mono">linewarden rules backtest {rule.id}</p></>}
    </Panel>
  );
}
