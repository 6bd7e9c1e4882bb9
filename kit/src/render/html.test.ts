import { describe, expect, it } from "vitest";
import { escaped, html, nothing, trusted } from "./html.ts";

describe("html", () => {
  it("escapes what is not markup, in text and in attributes", () => {
    const hostile = `<script>alert(1)</script> & "q" 'a'`;
    const text = "&lt;script&gt;alert(1)&lt;/script&gt; &amp; &quot;q&quot; &#39;a&#39;";
    expect(html`<p title="${hostile}">${hostile}</p>`.markup).toBe(`<p title="${text}">${text}</p>`);
  });

  it("takes markup, lists of it, and numbers as they are", () => {
    const items = ["a", "<"].map((item) => html`<li>${item}</li>`);
    expect(html`<ul>${items}</ul>${1.5}${nothing}${trusted("<hr>")}`.markup).toBe(
      "<ul><li>a</li><li>&lt;</li></ul>1.5<hr>",
    );
  });

  it("shows control characters as what they are not", () => {
    expect(escaped("a\u0000b\u001bc\u0085d\ne")).toBe("a\ufffdb\ufffdc\ufffdd\ne");
  });
});
