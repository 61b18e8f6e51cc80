import { SafetyCertificateOutlined } from '@ant-design/icons';
import { Alert, App, Button, Progress } from 'antd';
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

/** Evidence downloads the signed package with one click and says how it is
 * checked. */
export function Evidence({ id }: { id: string }) {
  const s = useSpeech();
  const { message } = App.useApp();
  const [had, setHad] = useState<number>();
  const [failure, setFailure] = useState<Failure>();
  const [ready, setReady] = useState('');
  const get = async (): Promise<void> => {
    setFailure(undefined);
    setReady('');
    setHad(0);
    try {
      const response = await fetch(`/api/v1/findings/${encodeURIComponent(id)}/evidence`, { credentials: 'same-origin', headers: ownHeaders() });
      if (!response.ok) {
        setFailure(failureOf(response, await response.json().catch(() => undefined)));
        return;
      }
      const name = nameOf(response, `evidence-${id}.zip`);
      save(await read(response, setHad), name);
      setReady(name);
      message.success(s.t('evidenceReady'));
    } catch (reason) {
      setFailure({ status: 0, detail: String(reason) });
    } finally {
      setHad(undefined);
    }
  };
  return (
    <div className="stack">
      <Button type="primary" icon={<SafetyCertificateOutlined />} loading={had !== undefined} onClick={() => void get()}>{s.t('getEvidence')}</Button>
      {had !== undefined && <div role="status">{s.t('makingEvidence')} {had > 0 && bytes(had)}<Progress percent={100} status="active" showInfo={false} size="small" aria-label={s.t('makingEvidence')} /></div>}
      {failure && <Trouble failure={failure} retry={() => void get()} />}
      {ready && <Alert type="success" showIcon message={s.t('evidenceReady')} description={<><span className="mono">{ready}</span><br />{s.t('evidenceVerify')} <span className="mono">{ready}</span></>} />}
    </div>
  );
}
