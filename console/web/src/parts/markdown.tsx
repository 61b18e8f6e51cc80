import { marked, type Token, type Tokens } from 'marked';
import { Fragment, type ReactNode } from 'react';
import { Link } from 'react-router';

// The pictures of the manual lie beside its pages and are told by their names.
const pictures = import.meta.glob<string>('../../../manual/images/*.webp', { eager: true, query: '?url', import: 'default' });

function picture(t: Tokens.Image): ReactNode {
  const src = pictures[`../../../manual/images/${t.href.split('/').at(-1) ?? ''}`];
  return src ? <img src={src} alt={t.text} loading="lazy" /> : <em>{t.text}</em>;
}

/** slug is the anchor of a heading. */
export const slug = (text: string): string => text.trim().toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-|-$/g, '');

// Markdown becomes elements and never markup: what is HTML in it is shown as
// the text it is, and only links to pages of the manual and to the web work.
function link(href: string, children: ReactNode): ReactNode {
  const page = /^([a-z0-9-]+)\.md(#.*)?$/.exec(href);
  if (page) return <Link to={`/manual/${page[1] ?? ''}${page[2] ?? ''}`}>{children}</Link>;
  if (href.startsWith('#')) return <a href={href}>{children}</a>;
  if (/^https?:\/\//.test(href)) return <a href={href} target="_blank" rel="noopener noreferrer">{children}</a>;
  return children;
}

const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'", '&nbsp;': '\u00a0' };
const plain = (text: string): string => text.replace(/&(amp|lt|gt|quot|#39|nbsp);/g, (e) => entities[e] ?? e);

const all = (tokens: Token[] | undefined): ReactNode => tokens?.map((t, i) => <Fragment key={i}>{one(t)}</Fragment>);

function table(t: Tokens.Table): ReactNode {
  return (
    <div className="scroll">
      <table>
        <thead><tr>{t.header.map((c, i) => <th key={i} scope="col">{all(c.tokens)}</th>)}</tr></thead>
        <tbody>{t.rows.map((r, n) => <tr key={n}>{r.map((c, i) => <td key={i}>{all(c.tokens)}</td>)}</tr>)}</tbody>
      </table>
    </div>
  );
}

function list(t: Tokens.List): ReactNode {
  const items = t.items.map((it, i) => <li key={i}>{all(it.tokens)}</li>);
  return t.ordered ? <ol start={t.start || 1}>{items}</ol> : <ul>{items}</ul>;
}

function heading(t: Tokens.Heading): ReactNode {
  const id = slug(t.text);
  if (t.depth === 1) return <h1 id={id}>{all(t.tokens)}</h1>;
  if (t.depth === 2) return <h2 id={id}>{all(t.tokens)}</h2>;
  return t.depth === 3 ? <h3 id={id}>{all(t.tokens)}</h3> : <h4 id={id}>{all(t.tokens)}</h4>;
}

function inline(t: Token): ReactNode {
  switch (t.type) {
    case 'strong':
      return <strong>{all(t.tokens)}</strong>;
    case 'em':
      return <em>{all(t.tokens)}</em>;
    case 'del':
      return <del>{all(t.tokens)}</del>;
    case 'codespan':
      return <code>{(t as Tokens.Codespan).text}</code>;
    case 'br':
      return <br />;
    case 'link':
      return link((t as Tokens.Link).href, all(t.tokens));
    case 'image':
      return picture(t as Tokens.Image);
    case 'escape':
      return (t as Tokens.Escape).text;
    case 'text':
      return 'tokens' in t && t.tokens ? all(t.tokens) : plain((t as Tokens.Text).text);
    default:
      return t.raw;
  }
}

function one(t: Token): ReactNode {
  switch (t.type) {
    case 'space':
    case 'def':
      return null;
    case 'heading':
      return heading(t as Tokens.Heading);
    case 'paragraph':
      return <p>{all(t.tokens)}</p>;
    case 'list':
      return list(t as Tokens.List);
    case 'table':
      return table(t as Tokens.Table);
    case 'blockquote':
      return <blockquote>{all(t.tokens)}</blockquote>;
    case 'code':
      return <pre tabIndex={0}><code>{(t as Tokens.Code).text}</code></pre>;
    case 'hr':
      return <hr />;
    default:
      return inline(t);
  }
}

/** Markdown shows a text of the manual. */
export function Markdown({ text }: { text: string }) {
  return <article className="markdown">{all(marked.lexer(text, { gfm: true }))}</article>;
}
