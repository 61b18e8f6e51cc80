import { Form, Modal } from 'antd';
import { useState } from 'react';
import { Link } from 'react-router';
import { api, type Finding, type Schemas } from '../api/client';
import { useSend } from '../api/send';
import { useSpeech } from '../i18n';
import { called } from '../names';
import { bodyOf, MoveForm, type MoveFields } from './move';
import { Trouble } from './show';

type Result = Schemas['MoveResult'];

/** Bulk moves several findings; what became of each is told one by one. */
export function Bulk({ of, close, done }: { of: Finding[]; close: () => void; done: () => void }) {
  const s = useSpeech();
  const [form] = Form.useForm<MoveFields>();
  const { busy, failure, send } = useSend();
  const [results, setResults] = useState<Result[]>();
  const move = async (f: MoveFields): Promise<void> => {
    // The state that was seen goes along: what somebody else has moved since is
    // not moved again.
    const body = { findings: of.map((x) => ({ id: x.id, expected_state: x.state })), ...bodyOf(f) } as Schemas['BulkMove'];
    const { data } = await send(() => api.POST('/api/v1/findings/moves', { params: { header: {} }, body }));
    if (!data) return;
    setResults(data);
    done();
  };
  const refused = results?.filter((r) => r.detail) ?? [];
  return (
    <Modal
      open
      title={`${s.t('bulkMove')} · ${of.length}`}
      okText={results ? s.t('close') : s.t('apply')}
      cancelText={s.t('cancel')}
      cancelButtonProps={results ? { style: { display: 'none' } } : {}}
      confirmLoading={busy}
      onOk={() => (results ? close() : form.submit())}
      onCancel={close}
    >
      {failure && <Trouble failure={failure} />}
      {results ? (
        <div role="status">
          <p className={refused.length ? '' : 'good'}>{s.t('moveResults')}: {s.t('moved')} {results.length - refused.length}{refused.length > 0 && <span className="bad"> · {s.t('notMoved')} {refused.length}</span>}</p>
          {refused.length > 0 && (
            <table className="plain"><tbody>{refused.map((r) => <tr key={r.id}><td><Link to={`/findings/${r.id}`} onClick={close}>{r.id}</Link></td><td>{r.status === 412 || r.status === 409 ? `${s.t('changedMeanwhile')} ` : ''}<span className="dim">{r.detail}</span></td></tr>)}</tbody></table>
          )}
        </div>
      ) : (
        <>
          <p className="dim">{[...new Set(of.map((f) => f.state))].map((v) => called(s, 'state', v)).join(' · ')}</p>
          <MoveForm form={form} from={of.map((f) => f.state)} send={(f) => void move(f)} label={s.t('bulkMove')} />
        </>
      )}
    </Modal>
  );
}
