/** The style of the docs page, for both colour schemes and from 320 pixels on. */
export const docsStyle = `:root{color-scheme:light dark;--paper:light-dark(#fff,#15171a);--ink:light-dark(#1d2125,#e4e6e9);--quiet:light-dark(#59616a,#a3abb4);
--line:light-dark(#dfe3e7,#30353b);--soft:light-dark(#f4f6f8,#1e2226);--accent:light-dark(#0b57d0,#8ab4f8);--event:light-dark(#7a3e9d,#d0a6ec)}
*{box-sizing:border-box}html{scroll-padding-top:1rem}body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
a{color:var(--accent)}:focus-visible{outline:2px solid var(--accent);outline-offset:2px;border-radius:3px}code{font:.9em ui-monospace,monospace}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;padding:.3rem .6rem;background:var(--paper)}
header,main,nav{padding:0 1rem}header{padding-top:1.5rem}h1{margin:0;font-size:1.75rem}header p{margin:.3rem 0;color:var(--quiet)}
nav ul{list-style:none;margin:0;padding:0}nav>ul{display:flex;flex-wrap:wrap;gap:.3rem 1rem;padding:.75rem 0;border-bottom:1px solid var(--line)}nav ul ul{display:none}
main{padding-bottom:4rem}h2{margin:2.5rem 0 .5rem;font-size:1.4rem}h3{margin:2rem 0 .25rem;font-size:1rem;color:var(--quiet);font-weight:600}
article{padding:.9rem 0 .9rem .75rem;border-left:3px solid transparent}article+article{border-top:1px solid var(--line)}h4{margin:0;font-size:1rem;font-weight:600}h4 a{color:inherit;text-decoration:none}h4 a:hover{text-decoration:underline}
.kind{color:var(--accent);font:600 .8rem ui-monospace,monospace;margin-right:.5rem}.event .kind{color:var(--event)}article p{margin:.15rem 0}.meta,small{color:var(--quiet);font-size:.875rem}
summary{cursor:pointer;width:fit-content;margin-top:.3rem;font-size:.9rem;color:var(--quiet)}summary:hover{color:var(--ink)}
table{width:100%;border-collapse:collapse;margin:.5rem 0 1rem;background:var(--soft);border-radius:6px;font-size:.9rem}caption{text-align:left;font-weight:600;padding:.25rem 0}
th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;font-weight:400}th{width:40%}tr+tr>*{border-top:1px solid var(--line)}
article:target{border-left-color:var(--accent);background:var(--soft)}
@media (min-width:64rem){body{display:grid;grid-template:auto 1fr/20rem minmax(0,52rem);column-gap:2rem;max-width:78rem;margin:auto}header{grid-column:2}
nav{grid-area:1/1/3;position:sticky;top:0;max-height:100vh;overflow-y:auto;padding-top:1.5rem;font-size:.875rem;border-right:1px solid var(--line)}
nav>ul{display:block;padding:0 0 2rem;border:0}nav>ul>li{margin-bottom:.75rem;font-weight:600}nav ul ul{display:block;font-weight:400}nav ul ul a{color:var(--ink);text-decoration:none;display:block;padding:.05rem 0}nav ul ul a:hover{text-decoration:underline}}`;
