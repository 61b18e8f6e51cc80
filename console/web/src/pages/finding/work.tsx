import { Alert, App, Button, Form, Input, Modal, Space } from 'antd';
import { useRef, useState } from 'react';
import { api, type Schemas } from '../../api/client';
import { useSend } from '../../api/send';
import { useSpeech } from '../../i18n';
import { called } from '../../names';
import { useDraft } from '../../parts/draft';
import { bodyOf, MoveForm, waysFrom, type CaseState, type MoveFields } from '../../parts/move';
import { Pairs, Raw, State, Time, Trouble } from '../../parts/show';

type Found = Schemas['FindingWithEvents'];

// A move out of these states, made by mistake, is taken back by opening anew.
const settled: readonly CaseState[] = ['rectified', 'dismissed'];

/** Work is the case of a finding and what may be done with it. What was seen goes
 * along with each move, so that nobody overwrites what somebody else has done. */
export function Work({ of, etag, act, reload }: { of: Found; etag: string | undefined; act: boolean; reload: () => void }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [form] = Form.useForm<MoveFields>();
  const [to, setTo] = useState<CaseState | ''>();
  const { busy, failure, send, forget } = useSend();
  const [stale, setStale] = useState(false);
  const [note, setNote] = useDraft(of.id);
  const field = useRef<HTMLTextAreaElement | null>(null);
  const move = async (f: MoveFields): Promise<void> => {
    const body = { ...bodyOf(f), ...(etag ? {} : { expected_state: of.state }) } as Schemas['Move'];
    const { data, failure: why } = await send(() => api.POST('/api/v1/findings/{id}/moves', { params: { path: { id: of.id }, header: etag ? { 'If-Match': etag } : {} }, body }));
    if (data) {
      setTo(undefined);
      setStale(false);
      setNote('');
      field.current?.focus();
      message.success(data.state === of.state ? s.t('noteAdded') : s.t('findingMoved', { n: called(s, 'state', data.state) }));
      reload();
    } else if (why?.code === 'stale' || why?.code === 'changed') {
      forget();
      setTo(undefined);
      setStale(true);
      reload();
    }
  };
  const open = (v: CaseState | ''): void => {
    form.resetFields();
    forget();
    form.setFieldsValue({ to: v, note });
    setTo(v);
  };
  // With its reason written beside the buttons a step is done by one click; else,
  // and where more than a reason is needed, it is asked for.
  const step = (v: CaseState | ''): void => {
    if (note.trim() && v !== 'rectified') void move({ to: v, note });
    else open(v);
  };
  const c = of.case as Schemas['Case'] | undefined;
  const due = c?.due;
  return (
    <div className="stack">
      {failure && to === undefined && <Trouble failure={failure} />}
      {stale && <Alert type="warning" showIcon closable onClose={() => setStale(false)} message={s.t('moveChanged')} role="alert" />}
      <Pairs
        of={[
          [s.t('state'), <State key="s" of={of.state} />],
          [s.t('assignee'), c?.assignee ? <Raw>{c.assignee}</Raw> : <span className="dim">{s.t('nobody')}</span>],
          [s.t('due'), due ? <><Time of={due} />{Date.parse(due) < Date.now() && !settled.includes(of.state) && <span className="tag-bad">{s.t('overdue')}</span>}</> : ''],
          [s.t('confirmedBy'), c?.confirmed_by?.length ? <Raw>{c.confirmed_by.join(' · ')}</Raw> : ''],
          ...(c?.remedy ? [[s.t('remedy'), called(s, 'remedy', c.remedy)] as const] : []),
        ]}
      />
      {act && (
        <div className="no-print">
          <Input.TextArea ref={(r) => { field.current = r?.resizableTextArea?.textArea ?? null; }} value={note} rows={2} maxLength={1300} aria-label={s.t('note')} placeholder={s.t('noteNeeded')} onChange={(e) => setNote(e.target.value)} />
        </div>
      )}
      {act && (
        <Space wrap className="no-print">
          {waysFrom([of.state]).map((v) => <Button key={v} type={v === 'dismissed' || v === 'open' ? 'default' : 'primary'} ghost={v !== 'dismissed' && v !== 'open'} disabled={busy} onClick={() => step(v)}>{settled.includes(of.state) && v === 'open' ? s.t('undo') : s.t(`to_${v}`)}</Button>)}
          <Button onClick={() => step('')}>{s.t('noteOnly')}</Button>
        </Space>
      )}
      <Modal open={to !== undefined} forceRender title={`${s.t('move')} · ${of.subject.name || of.subject.id}`} okText={s.t('apply')} cancelText={s.t('cancel')} confirmLoading={busy} onOk={() => form.submit()} onCancel={() => setTo(undefined)}>
        {failure && to !== undefined && <Trouble failure={failure} />}
        <MoveForm form={form} from={[of.state]} to={to ?? ''} send={(f) => void move(f)} wrote={setNote} />
      </Modal>
    </div>
  );
}

/** History is what has become of the finding. */
export function History({ of }: { of: Schemas['Event'][] }) {
  const s = useSpeech();
  if (of.length === 0) return <p className="dim">{s.t('noEvents')}</p>;
  return (
    <ol className="log">
      {[...of].reverse().map((e, i) => (
        <li key={i}>
          <Time of={e.at} how="second" />
          <div>
            <strong>{called(s, 'event', e.kind)}</strong>
            {e.from && e.from !== e.to && <> {called(s, 'state', e.from)} →</>}{e.to && e.from !== e.to && <> <State of={e.to} /></>}
            {e.actor && <span className="dim"> · <Raw>{e.actor}</Raw></span>}
            {e.note && <p><Raw>{e.note}</Raw></p>}
          </div>
        </li>
      ))}
    </ol>
  );
}
