import { SafetyCertificateOutlined } from '@ant-design/icons';
import { Alert, App, Button, Form, Input, Progress } from 'antd';
import { useState } from 'react';
import { failureOf, ownHeaders, type Failure } from '../../api/client';
import { bytes } from '../../format';
import { useSpeech } from '../../i18n';
import { Trouble } from '../../parts/show';

/** save hands a file to the browser. */
function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  document.body.append(a);
  a.click();
  a.remove();
  // The browser reads the address after this call has returned.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** nameOf is the name that the answer gives its file, as far as it is a plain one. */
function nameOf(response: Response, otherwise: string): string {
  const said = /filename="?([\w.@-]+)"?/.exec(response.headers.get('Content-Disposition') ?? '');
  return said?.[1] ?? otherwise;
}

async function read(response: Response, tell: (n: number) => void): Promise<Blob> {
  const reader = response.body?.getReader();
  if (!reader) return response.blob();
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let n = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return new Blob(parts, { type: 'application/zip' });
    parts.push(value);
    n += value.length;
    tell(n);
  }
}

type Fields = { reason: string; recipient?: string };

/** Evidence downloads the signed package and says how it is checked. It is not
 * masked, so that a reason is asked for. */
export function Evidence({ id }: { id: string }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [had, setHad] = useState<number>();
  const [failure, setFailure] = useState<Failure>();
  const [ready, setReady] = useState('');
  const [form] = Form.useForm<Fields>();
  const get = async ({ reason, recipient }: Fields): Promise<void> => {
    setFailure(undefined);
    setReady('');
    setHad(0);
    try {
      const response = await fetch(`/api/v1/findings/${encodeURIComponent(id)}/evidence?${new URLSearchParams({ reason, recipient: recipient ?? '' })}`, { credentials: 'same-origin', headers: ownHeaders() });
      if (!response.ok) {
        setFailure(failureOf(response, await response.json().catch(() => undefined)));
        return;
      }
      const name = nameOf(response, `evidence-${id}.zip`);
      save(await read(response, setHad), name);
      setReady(name);
      message.success(s.t('evidenceReady'));
    } catch (wrong) {
      setFailure({ status: 0, detail: String(wrong) });
    } finally {
      setHad(undefined);
    }
  };
  return (
    <div className="stack">
      <Form<Fields> form={form} layout="vertical" className="no-print" onFinish={(f) => void get(f)}>
        <Form.Item name="reason" label={s.t('evidenceReason')} rules={[{ required: true, whitespace: true, message: s.t('repReason') }]}><Input maxLength={100} /></Form.Item>
        <Form.Item name="recipient" label={s.t('recipient')}><Input maxLength={100} /></Form.Item>
        <Button type="primary" htmlType="submit" icon={<SafetyCertificateOutlined />} loading={had !== undefined}>{s.t('getEvidence')}</Button>
      </Form>
      {had !== undefined && <div role="status">{s.t('makingEvidence')} {had > 0 && bytes(had)}<Progress percent={100} status="active" showInfo={false} size="small" aria-label={s.t('makingEvidence')} /></div>}
      {failure && <Trouble failure={failure} retry={() => form.submit()} />}
      {ready && <Alert type="success" showIcon message={s.t('evidenceReady')} description={<><span className="mono">{ready}</span><br />{s.t('evidenceVerify')} <span className="mono">{ready}</span></>} />}
    </div>
  );
}
