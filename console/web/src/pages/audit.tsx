import { Button, Input, Table } from 'antd';
import '../style/more.css';
import { useState } from 'react';
import { useGet } from '../api/use';
import { useSpeech } from '../i18n';
import { called } from '../names';
import { Pager, usePages } from '../parts/pager';
import { Printing } from '../parts/printing';
import { Loaded, Nothing, Panel, Raw, Time } from '../parts/show';

/** Audit is who did what, newest first; that it was read is in it as well. */
export default function Audit() {
  const s = useSpeech();
  const [text, setText] = useState('');
  const pages = usePages('');
  const got = useGet('/api/v1/audit', { params: { query: { limit: 100, cursor: pages.cursor } } });
  return (
    <>
      <div className="title">
        <h1>{s.t('audit')}</h1>
        <span className="dim">{s.t('auditChained')}</span>
        <div className="title-right"><Button onClick={got.reload}>{s.t('reload')}</Button><Printing /></div>
      </div>
      <Panel title={s.t('audit')} extra={<Input className="no-print" allowClear aria-label={s.t('audFilter')} placeholder={s.t('audFilter')} value={text} onChange={(e) => setText(e.target.value)} />}>
        <Loaded got={got} rows={10}>
          {(all) => {
            const wanted = text.toLowerCase();
            const list = all.filter((e) => !wanted || [e.actor, e.action, called(s, 'action', e.action), e.object, e.detail, e.address].some((v) => v.toLowerCase().includes(wanted)));
            if (list.length === 0) return <Nothing>{text ? s.t('audNoMatch') : s.t('noAudit')}</Nothing>;
            return (
              <Table
                size="small"
                pagination={false}
                loading={got.loading}
                scroll={{ x: 'max-content' }}
                rowKey="number"
                dataSource={list}
                columns={[
                  { title: s.t('number'), align: 'right', render: (_, e) => <span className="num">{e.number}</span> },
                  { title: s.t('time'), render: (_, e) => <Time of={e.at} how="second" /> },
                  { title: s.t('actor'), render: (_, e) => <><Raw>{e.actor}</Raw> <span className="dim">{e.role && called(s, 'role', e.role)}</span></> },
                  { title: s.t('action'), render: (_, e) => <span className={e.action.endsWith('_failed') ? 'bad' : ''} title={e.action}>{called(s, 'action', e.action)}</span> },
                  { title: s.t('object'), render: (_, e) => <Raw>{e.object}</Raw> },
                  { title: s.t('detail'), render: (_, e) => <Raw>{e.detail}</Raw> },
                  { title: s.t('via'), render: (_, e) => called(s, 'via', e.via) },
                  { title: s.t('address'), render: (_, e) => <span className="num">{e.address}</span> },
                  { title: s.t('audHash'), render: (_, e) => <span className="mono" title={e.hash}>{e.hash.slice(0, 12)}…</span> },
                ]}
              />
            );
          }}
        </Loaded>
        <Pager pages={pages} next={got.cursor} loading={got.loading} />
      </Panel>
    </>
  );
}
