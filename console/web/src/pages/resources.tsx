import { Button, DatePicker, Input, Table } from 'antd';
import dayjs from 'dayjs';
import { useEffect, useState } from 'react';
import { Link, useSearchParams } from 'react-router';
import { api, failureOf, type Failure, type Schemas } from '../api/client';
import '../style/more.css';
import { useGet } from '../api/use';
import { count } from '../format';
import { useSpeech } from '../i18n';
import { called, province } from '../names';
import { AsnTable, BlockTable, DomainTable, EnterpriseTable, EnterpriseView, LineTable } from '../parts/holding';
import { BlockView, Holder, Licensed, resourceLink } from '../parts/resource';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Trouble } from '../parts/show';

type Block = Schemas['Block'];
type Node = Omit<Block, 'children'> & { key: string; below: number; children?: Node[] };
type Day = { day: string | undefined };

// A row of the table is a block; its children are read when it is opened, and
// until then an empty list stands for them, which is what shows the handle.
const nodeOf = (b: Block): Node => {
  const { children, ...rest } = b;
  return { ...rest, key: `${b.allocation.prefix} ${b.allocation.valid_from}`, below: children, ...(children > 0 ? { children: [] } : {}) };
};

function replaced(nodes: Node[], key: string, children: Node[]): Node[] {
  return nodes.map((n) => (n.key === key ? { ...n, children } : n.children?.length ? { ...n, children: replaced(n.children, key, children) } : n));
}

function Tree({ day, chosen }: Day & { chosen: string }) {
  const s = useSpeech();
  const [cursor, setCursor] = useState<string>();
  const got = useGet('/api/v1/allocations/tree', { params: { query: { day, limit: 500, cursor } } });
  const [nodes, setNodes] = useState<Node[]>([]);
  const [failure, setFailure] = useState<Failure>();
  useEffect(() => {
    if (!got.data) return;
    const more = got.data.map(nodeOf);
    setNodes((before) => (cursor ? [...before, ...more.filter((m) => !before.some((b) => b.key === m.key))] : more));
  }, [got.data, cursor]);
  const open = async (node: Node): Promise<void> => {
    if (node.children?.length) return;
    const { data, error, response } = await api.GET('/api/v1/allocations/tree', { params: { query: { day, prefix: node.allocation.prefix, limit: 10000 } } });
    if (!data) setFailure(failureOf(response, error));
    else setNodes((now) => replaced(now, node.key, data.map(nodeOf)));
  };
  return (
    <Panel title={s.t('blockTree')} note={got.total ? `${count(s, got.total)}` : undefined}>
      {failure && <Trouble failure={failure} />}
      <Loaded got={got} rows={8}>
        {() =>
          nodes.length === 0 && !got.loading ? (
            <><Nothing>{s.t('noBlocks')}</Nothing><p className="no-print"><Link to="/ledgers">{s.t('ledgers')}</Link></p></>
          ) : (
            <Table
              size="small"
              dataSource={nodes}
              loading={got.loading}
              scroll={{ x: 'max-content' }}
              pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
              rowClassName={(n) => (n.allocation.prefix === chosen ? 'here' : '')}
              expandable={{ onExpand: (is, n) => { if (is) void open(n); } }}
              columns={[
                { title: s.t('block'), render: (_, n) => <Link className="num" to={resourceLink({ block: n.allocation.prefix, day })}>{n.allocation.prefix}</Link> },
                { title: s.t('holder'), render: (_, n) => <Holder id={n.allocation.enterprise_id} name={n.allocation.enterprise_name} day={day} /> },
                { title: s.t('use'), render: (_, n) => called(s, 'use', n.allocation.use) },
                { title: s.t('place'), render: (_, n) => province(s, n.allocation.place) },
                { title: s.t('children'), align: 'right', render: (_, n) => <span className="num">{n.below || ''}</span> },
                { title: s.t('licences'), render: (_, n) => <Licensed block={n} /> },
              ]}
            />
          )
        }
      </Loaded>
      {got.cursor && <Button className="no-print" loading={got.loading} onClick={() => setCursor(got.cursor)}>{s.t('more')}</Button>}
    </Panel>
  );
}

function Found({ q, day }: { q: string } & Day) {
  const s = useSpeech();
  const got = useGet('/api/v1/resources', { params: { query: { q, day } } });
  // What alone was found is shown at once, without another click.
  const many = got.data ? got.data.blocks.length + got.data.enterprises.length + got.data.asns.length + got.data.lines.length + got.data.domains.length : 0;
  const block = many === 1 ? got.data?.blocks[0]?.allocation.prefix : undefined;
  const enterprise = many === 1 ? got.data?.enterprises[0]?.enterprise_id : undefined;
  return (
    <>
      <Panel title={<>{s.t('search')} <bdi>{q}</bdi></>} note={`${s.t('asOf')} ${got.data?.day ?? day ?? ''}`}>
        <Loaded got={got}>
          {(r) => {
            const nothing = r.blocks.length + r.lines.length + r.enterprises.length + r.asns.length + r.domains.length === 0;
            if (nothing) return <Nothing>{s.t('searchNothing', { q })}</Nothing>;
            return (
              <>
                {r.enterprises.length > 0 && <><h3>{s.t('enterprise')}</h3><EnterpriseTable of={r.enterprises} day={day} /></>}
                {r.asns.length > 0 && <><h3>AS</h3><AsnTable of={r.asns} day={day} /></>}
                {r.blocks.length > 0 && <><h3>{s.t('block')}</h3><BlockTable of={r.blocks} day={day} /></>}
                {r.lines.length > 0 && <><h3>{s.t('line')}</h3><LineTable of={r.lines} /></>}
                {r.domains.length > 0 && <><h3>{s.t('domain')}</h3><DomainTable of={r.domains} day={day} /></>}
              </>
            );
          }}
        </Loaded>
      </Panel>
      {block && <BlockView prefix={block} day={day} />}
      {enterprise && <EnterpriseView id={enterprise} day={day} />}
    </>
  );
}

/** Resources shows who holds what down the sublease chain on a day, and finds any
 * prefix, address, AS, domain, line or enterprise. */
export default function Resources() {
  const s = useSpeech();
  const [asked, ask] = useSearchParams();
  const day = asked.get('day') ?? undefined;
  const q = asked.get('q') ?? '';
  const block = asked.get('block') ?? '';
  const enterprise = asked.get('enterprise') ?? '';
  const set = (key: string, value: string): void => {
    const next = new URLSearchParams(key === 'day' ? asked : day ? { day } : {});
    if (value) next.set(key, value);
    else next.delete(key);
    ask(next);
  };
  const beside = q !== '' || block !== '' || enterprise !== '';
  return (
    <>
      <div className="title">
        <h1>{s.t('resources')}</h1>
        <span className="dim">{day ? `${s.t('asOf')} ${day}` : s.t('now')}</span>
        <div className="title-right">
          <DatePicker aria-label={s.t('day')} placeholder={s.t('day')} value={day ? dayjs(day) : null} maxDate={dayjs()} onChange={(d) => set('day', d ? d.format('YYYY-MM-DD') : '')} />
          <Printing />
        </div>
      </div>
      <Input.Search key={q} className="no-print" aria-label={s.t('search')} defaultValue={q} allowClear enterButton={s.t('search')} placeholder={s.t('searchHint')} onSearch={(text) => set('q', text.trim())} />
      <div className="grid">
        {!q && <div className={beside ? 'w6' : ''}><Tree key={day ?? ''} day={day} chosen={block} /></div>}
        {q && <Found q={q} day={day} />}
        {block && <div className="w6"><BlockView key={block} prefix={block} day={day} /></div>}
        {!block && enterprise && <div className="w6"><EnterpriseView key={enterprise} id={enterprise} day={day} /></div>}
      </div>
      {beside && <p className="no-print"><Link to={resourceLink({ day })}>{s.t('blockTree')}</Link></p>}
    </>
  );
}
