import { DatePicker, Form, Input, Select } from 'antd';
import type { FormInstance } from 'antd';
import type { Dayjs } from 'dayjs';
import type { Schemas } from '../api/client';
import { useSpeech } from '../i18n';
import { called, codesOf } from '../names';

export type CaseState = Schemas['Finding']['state'];
type Remedy = NonNullable<Schemas['Move']['remedy']>;

// Where a person may move a finding from each state; the daemon decides, this is
// what is offered.
const ways: Record<CaseState, readonly CaseState[]> = {
  open: ['reviewing', 'dismissed'],
  reviewing: ['confirmed', 'dismissed'],
  confirmed: ['rectifying'],
  rectifying: ['rectified', 'dismissed'],
  rectified: ['open'],
  dismissed: ['open'],
  ceased: ['open'],
};

/** waysFrom lists the states that all of some states may be moved to. */
export function waysFrom(states: readonly CaseState[]): CaseState[] {
  const [first, ...rest] = states;
  return first ? ways[first].filter((w) => rest.every((s) => ways[s].includes(w))) : [];
}

export type MoveFields = { to?: CaseState | ''; note: string; remedy?: Remedy; assignee?: string; due?: Dayjs | null };

/** bodyOf is what the API is told; what was left empty is not said. */
export function bodyOf(f: MoveFields): Partial<Schemas['Move']> & { note: string } {
  return {
    note: f.note.trim(),
    ...(f.to ? { to: f.to } : {}),
    ...(f.to === 'rectified' && f.remedy ? { remedy: f.remedy } : {}),
    ...(f.assignee?.trim() ? { assignee: f.assignee.trim() } : {}),
    ...(f.due ? { due: f.due.endOf('day').toISOString() } : {}),
  };
}

type Asked = { form: FormInstance<MoveFields>; from: readonly CaseState[]; to?: CaseState | ''; send: (f: MoveFields) => void; wrote?: (note: string) => void; label?: string };

/** MoveForm asks what to do with findings, and why. */
export function MoveForm({ form, from, to, send, wrote, label }: Asked) {
  const s = useSpeech();
  const chosen = Form.useWatch('to', form);
  const offered = waysFrom(from);
  return (
    <Form<MoveFields> form={form} layout="vertical" onFinish={send} onValuesChange={(now: Partial<MoveFields>) => now.note !== undefined && wrote?.(now.note)} initialValues={{ to: to ?? '', note: '' }} aria-label={label ?? s.t('move')}>
      <Form.Item name="to" label={s.t('moveTo')}>
        <Select options={[{ value: '', label: s.t('noteOnly') }, ...offered.map((v) => ({ value: v, label: called(s, 'state', v) }))]} />
      </Form.Item>
      {chosen === 'rectified' && (
        <Form.Item name="remedy" label={s.t('remedy')} rules={[{ required: true, message: s.t('remedy') }]}>
          <Select options={codesOf('remedy').map((v) => ({ value: v, label: called(s, 'remedy', v) }))} />
        </Form.Item>
      )}
      <Form.Item name="note" label={s.t('note')} rules={[{ required: true, whitespace: true, message: s.t('noteNeeded') }]}>
        <Input.TextArea rows={3} maxLength={1300} showCount placeholder={s.t('noteNeeded')} />
      </Form.Item>
      <div className="two">
        <Form.Item name="assignee" label={s.t('assignee')}><Input maxLength={60} /></Form.Item>
        <Form.Item name="due" label={s.t('due')}><DatePicker style={{ width: '100%' }} /></Form.Item>
      </div>
    </Form>
  );
}
