import { Alert, Button, Progress, Select, Space, Table, Upload } from 'antd';
import { useEffect, useState } from 'react';
import { Link } from 'react-router';
import { api, ownHeaders, failureOf, type Failure, type Schemas } from '../api/client';
import { sent } from '../api/send';
import { useGet } from '../api/use';
import { count } from '../format';
import { useSpeech } from '../i18n';
import { called } from '../names';
import { Pager, usePages } from './pager';
import { Refused } from './refused';
import { Loaded, Nothing, Raw } from './show';

type Check = Schemas['LedgerCheck'];
type Change = Schemas['LedgerChange'];
type Sent = { check?: Check; failure?: Failure };

const most = 64 * 1024 * 1024;

// send uploads files and tells how far it is; fetch cannot tell that.
function send(files: File[], told: (share: number) => void): Promise<Sent> {
  return new Promise((done) => {
    const form = new FormData();
    for (const f of files) form.append('file', f, f.name);
    const req = new XMLHttpRequest();
    req.open('POST', '/api/v1/ledgers/checks');
    for (const [name, value] of Object.entries(ownHeaders())) req.setRequestHeader(name, value);
    req.upload.onprogress = (e) => e.lengthComputable && told(e.loaded / e.total);
    req.onerror = () => done({ failure: { status: 0, detail: '' } });
    req.onload = () => {
      let body: unknown = req.responseText;
      try {
        body = JSON.parse(req.responseText);
      } catch {
        // What is not JSON is shown as it came.
      }
      if (req.status === 201) done({ check: body as Check });
      else done({ failure: failureOf({ status: req.status } as Response, body) });
    };
    req.send(form);
  });
}

/** cellsOf splits the lines of a CSV file that are asked for, so that a problem
 * can be shown where it is. The daemon has judged the file; this only shows it. */
export function cellsOf(text: string, wanted: ReadonlySet<number>): Map<number, string[]> {
  const found = new Map<number, string[]>();
  let row = 1;
  let cells: string[] = [];
  let cell = '';
  let quoted = false;
  const end = (): void => {
    cells.push(cell);
    if (wanted.has(row)) found.set(row, cells);
    cells = [];
    cell = '';
    row++;
  };
  for (let i = text.charCodeAt(0) === 0xfeff ? 1 : 0; i < text.length; i++) {
    const c = text[i] ?? '';
    if (quoted) {
      if (c !== '"') cell += c;
      else if (text[i + 1] === '"') cell += text[++i];
      else quoted = false;
    } else if (c === '"') quoted = true;
    else if (c === ',') {
      cells.push(cell);
      cell = '';
    } else if (c === '\n') end();
    else if (c !== '\r') cell += c;
  }
  if (cell !== '' || cells.length > 0) end();
  return found;
}

function InPlace({ cells, column }: { cells: string[] | undefined; column: number }) {
  if (!cells) return <span className="dim">—</span>;
  return (
    <span className="mono">
      {cells.slice(0, 40).map((c, i) => <span key={i}>{i > 0 && ','}{i === column - 1 ? <mark><bdi>{c || '␣'}</bdi></mark> : <bdi>{c}</bdi>}</span>)}
    </span>
  );
}

function Problems({ check, files }: { check: Check; files: File[] }) {
  const s = useSpeech();
  const [lines, setLines] = useState<Map<string, Map<number, string[]>>>(new Map());
  useEffect(() => {
    let gone = false;
    const read = async (): Promise<void> => {
      const all = new Map<string, Map<number, string[]>>();
      for (const f of files.filter((x) => /\.csv$/i.test(x.name))) {
        const rows = new Set(check.problems.filter((p) => p.file === f.name).map((p) => p.row));
        if (rows.size > 0) all.set(f.name, cellsOf(await f.text(), rows));
      }
      if (!gone) setLines(all);
    };
    void read();
    return () => {
      gone = true;
    };
  }, [check, files]);
  return (
    <Table
      size="small"
      rowKey={(_, i) => String(i)}
      pagination={{ pageSize: 20, hideOnSinglePage: true, showSizeChanger: false }}
      scroll={{ x: 'max-content' }}
      dataSource={check.problems}
      columns={[
        { title: s.t('kind'), render: (_, p) => <span className={p.warning ? 'dim' : 'bad'}>{p.warning ? s.t('warnings') : s.t('errors')}</span> },
        { title: s.t('file'), render: (_, p) => <Raw>{p.file}</Raw> },
        { title: s.t('row'), align: 'right', render: (_, p) => <span className="num">{p.row}</span> },
        { title: s.t('column'), align: 'right', render: (_, p) => <span className="num">{p.column}</span> },
        { title: s.t('problem'), render: (_, p) => <Raw>{p.message}</Raw> },
        { title: s.t('impInPlace'), render: (_, p) => <InPlace cells={lines.get(p.file)?.get(p.row)} column={p.column} /> },
      ]}
    />
  );
}

function Cells({ of }: { of: Change }) {
  const s = useSpeech();
  return (
    <ul className="plain-list">
      {of.cells.map((c) => (
        <li key={c.column}>
          <span className="dim" title={c.column}>{called(s, 'column', c.column)}</span> {of.kind === 'changed' && !c.old && <span className="dim">{s.t('impEmpty')}</span>}{of.kind !== 'added' && c.old && <del className="cell"><bdi>{c.old}</bdi></del>}{of.kind === 'changed' && ' → '}{of.kind === 'changed' && !c.new && <span className="dim">{s.t('impEmpty')}</span>}{of.kind !== 'removed' && c.new && <ins className="cell"><bdi>{c.new}</bdi></ins>}
        </li>
      ))}
    </ul>
  );
}

function Changes({ check }: { check: Check }) {
  const s = useSpeech();
  const [ledger, setLedger] = useState<string>();
  const pages = usePages(`${check.id} ${ledger ?? ''}`);
  const got = useGet('/api/v1/ledgers/checks/{id}/changes', { params: { path: { id: check.id }, query: { ledger, limit: 50, cursor: pages.cursor } } });
  const word = { added: s.t('added'), changed: s.t('changed'), removed: s.t('removed') } as Record<string, string>;
  return (
    <>
      <h3>{s.t('diff')}: <span className="num">+{count(s, check.added)} {s.t('added')} · {count(s, check.changed)} {s.t('changed')} · −{count(s, check.removed)} {s.t('removed')}</span></h3>
      <Select aria-label={s.t('ledger')} allowClear placeholder={s.t('all')} value={ledger} onChange={setLedger} className="wide-select no-print" options={check.ledgers.map((l) => ({ value: l, label: called(s, 'ledger', l) }))} />
      <Loaded got={got}>
        {(list) =>
          list.length === 0 ? <Nothing>{s.t('hasNoChanges')}</Nothing> : (
            <Table
              size="small"
              pagination={false}
              rowKey={(_, i) => String(i)}
              rowClassName={(c) => `diff-${c.kind}`}
              dataSource={list}
              columns={[
                { title: s.t('change'), render: (_, c) => word[c.kind] ?? c.kind },
                { title: s.t('ledger'), render: (_, c) => called(s, 'ledger', c.ledger) },
                { title: s.t('row'), align: 'right', render: (_, c) => <span className="num">{c.row || ''}</span> },
                { title: s.t('object'), render: (_, c) => c.key.map((k) => <div key={k.column}><span className="dim" title={k.column}>{called(s, 'column', k.column)}</span> <Raw>{k.text}</Raw></div>) },
                { title: `${s.t('oldValue')} → ${s.t('newValue')}`, render: (_, c) => <Cells of={c} /> },
              ]}
            />
          )
        }
      </Loaded>
      <Pager pages={pages} next={got.cursor} loading={got.loading} />
    </>
  );
}

/** Import takes files, has them checked, shows problems and changes, and imports
 * when told to. */
export function Import({ imported }: { imported: () => void }) {
  const s = useSpeech();
  const [files, setFiles] = useState<File[]>([]);
  const [share, setShare] = useState<number>();
  const [check, setCheck] = useState<Check>();
  const [failure, setFailure] = useState<Failure>();
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState<Schemas['LedgerImport']>();
  const upload = async (list: File[]): Promise<void> => {
    setFailure(undefined);
    setDone(undefined);
    setCheck(undefined);
    setFiles(list);
    if (list.reduce((sum, f) => sum + f.size, 0) > most) {
      setFailure({ status: 413, detail: s.t('impTooLarge') });
      return;
    }
    setShare(0);
    const answer = await send(list, setShare);
    setShare(undefined);
    setCheck(answer.check);
    setFailure(answer.failure);
  };
  const drop = (): void => {
    if (check) void api.DELETE('/api/v1/ledgers/checks/{id}', { params: { path: { id: check.id }, header: {} } });
    setCheck(undefined);
    setFiles([]);
  };
  const accept = async (): Promise<void> => {
    if (!check) return;
    setBusy(true);
    const { data, failure: why } = await sent(api.POST('/api/v1/ledgers/imports', { params: { header: {} }, body: { check: check.id } }));
    setBusy(false);
    setFailure(why?.code === 'ledgers_changed' ? { ...why, detail: s.t('impAgain') } : why);
    if (!data) return;
    setDone(data);
    setCheck(undefined);
    imported();
  };
  const changes = check ? check.added + check.changed + check.removed : 0;
  return (
    <Space direction="vertical" className="wide no-print">
      <Upload.Dragger accept=".csv,.xlsx,.zip" multiple showUploadList={false} disabled={share !== undefined} beforeUpload={(one, all) => { if (one === all[0]) void upload(all); return false; }}>
        <p>{s.t('uploadHint')}</p>
        <p className="dim">{s.t('uploadWhat')} <Link to="/manual/howto-ledgers" onClick={(e) => e.stopPropagation()}>{s.t('importHelp')}</Link></p>
      </Upload.Dragger>
      {share !== undefined && <div role="status"><Progress aria-label={s.t('progress')} percent={Math.round(100 * share)} status="active" /> {share < 1 ? s.t('uploading') : s.t('checking')}</div>}
      {failure && <Refused failure={failure} />}
      {done && <Alert type="success" showIcon message={s.t('imported')} description={`${done.id} · ${s.t('rowsOpened')} ${count(s, done.rows_opened)} · ${s.t('rowsClosed')} ${count(s, done.rows_closed)}`} />}
      {check && (
        <>
          <Alert
            showIcon
            type={check.errors ? 'error' : check.warnings ? 'warning' : 'info'}
            message={check.errors ? s.t('hasErrors', { n: count(s, check.errors) }) : changes === 0 ? s.t('hasNoChanges') : s.t('impReady', { n: count(s, changes) })}
            description={<><bdi>{check.files.join(', ')}</bdi> · {count(s, check.rows)} {s.t('row')} · {s.t('warnings')} {count(s, check.warnings)}</>}
            action={<Space><Button onClick={drop}>{s.t('dropCheck')}</Button><Button type="primary" disabled={!check.importable || changes === 0} loading={busy} onClick={() => void accept()}>{s.t('doImport')}</Button></Space>}
          />
          {check.problems.length > 0 && <Problems check={check} files={files} />}
          {check.errors === 0 && changes > 0 && <Changes check={check} />}
        </>
      )}
    </Space>
  );
}
