import { Button, DatePicker, Dropdown, Input, Select, Space } from 'antd';
import dayjs from 'dayjs';
import { useEffect, useState } from 'react';
import { useGet } from '../api/use';
import { useSpeech } from '../i18n';
import { called, codesOf, province, provinceCodes } from '../names';
import { store, stored } from '../prefs';

/** Filter is what selects findings, as the address of the page says it. */
export const filterKeys = ['state', 'severity', 'rule', 'clause', 'province', 'enterprise', 'subject_kind', 'subject', 'line', 'since', 'until', 'text'] as const;
export type Filter = Partial<Record<(typeof filterKeys)[number], string>>;

export function filterOf(asked: URLSearchParams): Filter {
  const f: Filter = {};
  for (const key of filterKeys) {
    const value = asked.get(key);
    if (value) f[key] = value;
  }
  return f;
}

type View = { name: string; filter: Filter };

function Views({ filter, choose }: { filter: Filter; choose: (f: Filter) => void }) {
  const s = useSpeech();
  const [views, setViews] = useState(() => stored<View[]>('views', []));
  const [name, setName] = useState('');
  const [open, setOpen] = useState(false);
  const keep = (v: View[]): void => {
    setViews(v);
    store('views', v);
  };
  const save = (): void => {
    if (!name.trim()) return;
    keep([...views.filter((v) => v.name !== name.trim()), { name: name.trim(), filter }]);
    setName('');
  };
  return (
    <Dropdown
      trigger={['click']}
      open={open}
      onOpenChange={setOpen}
      popupRender={() => (
        <div className="pop">
          {views.length === 0 && <p className="dim">{s.t('noViews')}</p>}
          {views.map((v) => (
            <div key={v.name} className="pop-row">
              <Button type="link" size="small" onClick={() => { choose(v.filter); setOpen(false); }}><bdi>{v.name}</bdi></Button>
              <Button type="text" size="small" onClick={() => keep(views.filter((x) => x !== v))}>{s.t('remove')}</Button>
            </div>
          ))}
          <Space.Compact block>
            <Input size="small" maxLength={40} value={name} aria-label={s.t('viewName')} placeholder={s.t('viewName')} onChange={(e) => setName(e.target.value)} onPressEnter={save} />
            <Button size="small" onClick={save} disabled={!name.trim()}>{s.t('saveView')}</Button>
          </Space.Compact>
        </div>
      )}
    >
      <Button>{s.t('savedViews')}{views.length > 0 && ` ${views.length}`}</Button>
    </Dropdown>
  );
}

const split = (v: string | undefined): string[] => (v ? v.split(',').filter(Boolean) : []);

/** Filters lets one choose which findings are shown. */
export function Filters({ filter, choose }: { filter: Filter; choose: (f: Filter) => void }) {
  const s = useSpeech();
  const rules = useGet('/api/v1/rules', {});
  const [text, setText] = useState(filter.text ?? '');
  useEffect(() => setText(filter.text ?? ''), [filter.text]);
  const set = (key: keyof Filter, value: string | undefined): void => {
    const next = { ...filter };
    if (value) next[key] = value;
    else delete next[key];
    choose(next);
  };
  const several = (key: keyof Filter, word: string, options: { value: string; label: string }[]) => (
    <Select mode="multiple" allowClear maxTagCount="responsive" className="filter" aria-label={word} placeholder={word} value={split(filter[key])} options={options} optionFilterProp="label" onChange={(v: string[]) => set(key, v.join(','))} popupMatchSelectWidth={false} />
  );
  const codes = (naming: 'state' | 'severity') => codesOf(naming).map((v) => ({ value: v, label: called(s, naming, v) }));
  const list = rules.data ?? [];
  const clauses = [...new Set(list.flatMap((r) => r.clauses))].sort();
  const others = (['enterprise', 'subject', 'line'] as const).filter((k) => filter[k]);
  return (
    <div className="filters no-print">
      <Input.Search className="filter-text" allowClear value={text} aria-label={s.t('text')} placeholder={s.t('textHint')} onChange={(e) => setText(e.target.value)} onSearch={(v) => set('text', v.trim())} />
      {several('state', s.t('state'), codes('state'))}
      {several('severity', s.t('severity'), codes('severity'))}
      {several('rule', s.t('rule'), list.map((r) => ({ value: r.id, label: `${s.pick(r.title)} ${r.id}` })))}
      <Select allowClear showSearch className="filter" aria-label={s.t('clause')} placeholder={s.t('clause')} value={filter.clause} options={clauses.map((c) => ({ value: c, label: c }))} onChange={(v?: string) => set('clause', v)} popupMatchSelectWidth={false} />
      {several('province', s.t('province'), provinceCodes.map((c) => ({ value: c, label: province(s, c) })))}
      <Select allowClear className="filter" aria-label={s.t('subjectKind')} placeholder={s.t('subjectKind')} value={filter.subject_kind} options={codesOf('subject').filter((c) => c !== 'exporter').map((v) => ({ value: v, label: called(s, 'subject', v) }))} onChange={(v?: string) => set('subject_kind', v)} />
      <DatePicker.RangePicker
        allowEmpty={[true, true]}
        aria-label={s.t('window')}
        value={[filter.since ? dayjs(filter.since) : null, filter.until ? dayjs(filter.until) : null]}
        onChange={(v) => {
          const next = { ...filter };
          delete next.since;
          delete next.until;
          if (v?.[0]) next.since = v[0].format('YYYY-MM-DD');
          if (v?.[1]) next.until = v[1].format('YYYY-MM-DD');
          choose(next);
        }}
      />
      <Views filter={filter} choose={choose} />
      {Object.keys(filter).length > 0 && <Button type="link" onClick={() => choose({})}>{s.t('clear')}</Button>}
      {others.map((k) => <Button key={k} onClick={() => set(k, undefined)}>{s.t(k)}: <bdi>{filter[k]}</bdi> ×</Button>)}
    </div>
  );
}
