/** The maps: every method's on the first images, cut from the contact sheets. */
import { html, type Markup, nothing, trusted } from "../render/html.ts";
import { type Box, counted, type Reported, type Sheet, titleOf } from "./facts.ts";
import { each, name, scroll, section, when } from "./parts.ts";

type Described = Sheet & { readonly shows: NonNullable<Sheet["shows"]> };
const isDescribed = (sheet: Sheet): sheet is Described => sheet.shows !== undefined;

/** Sheets that are cut up stand in the style sheet, once each: `--sheet-0`. */
export const pictureStyle = ({ sheets }: Reported): Markup =>
  trusted(
    sheets
      .filter(isDescribed)
      .map(({ picture }, k) => `--sheet-${k}: url("${picture}");`)
      .join("\n"),
  );

export function picturesSection(report: Reported): Markup {
  const { sheets, moreSheets } = report;
  const described = sheets.filter(isDescribed);
  const plain = sheets.filter((sheet) => !isDescribed(sheet));
  if (sheets.length === 0) {
    const why =
      report.moreSheets > 0 ? "Left out of this report." : "The run folder holds no contact sheets.";
    return section("maps", "Maps", why, nothing);
  }
  return section(
    "maps",
    "Maps",
    html`Each method’s map on ${counted(sheets.length, "image")} of the selection, stronger colour for more relevance. Each map has its own
scale: places can be compared, colours cannot. Red speaks for the explained class, blue against it; one-sided maps run to yellow.${when(
      moreSheets > 0,
      html` The run folder holds ${counted(moreSheets, "more sheet")}.`,
    )}`,
    html`${when(described.length > 0, matrix(report, described))}
${when(
  described.length > 0,
  html`<details class="wholes"><summary>Whole contact sheets, with scales and scores</summary>
${each(described, (sheet, k) =>
  whole(
    sheet.shows.sample,
    html`<div class="whole" role="img" aria-label="Contact sheet of ${sheet.shows.sample}" style="width: ${sheet.width}px; aspect-ratio: ${sheet.width} / ${sheet.height}; background-image: var(--sheet-${k})"></div>`,
  ),
)}</details>
`,
)}${each(plain, (sheet) =>
  whole(
    sheet.name,
    html`<img class="whole" src="${sheet.picture}" width="${sheet.width}" height="${sheet.height}" alt="Contact sheet ${sheet.name}: the image and the map of every method">`,
  ),
)}`,
  );
}

/** Methods × images. */
function matrix(report: Reported, sheets: readonly Described[]): Markup {
  const methods = report.run.result.methods.filter(({ id }) =>
    sheets.some(({ shows }) => shows.maps.some((map) => map.method === id)),
  );
  const some = methods.filter(({ status }) => status === "ok" || status === "external");
  const tile = (at: number, box: Box, words: string) => {
    const { width, height } = sheets[at];
    const share = (offset: number, own: number, whole: number) =>
      whole > own ? ((100 * offset) / (whole - own)).toFixed(3) : "0";
    return html`<div class="tile" role="img" aria-label="${words}" style="aspect-ratio: ${box.width} / ${box.height}; background-image: var(--sheet-${at}); background-size: ${((100 * width) / box.width).toFixed(3)}% auto; background-position: ${share(box.x, box.width, width)}% ${share(box.y, box.height, height)}%"></div>`;
  };
  return scroll(
    "Maps of every method",
    html`<table class="maps" style="--images: ${sheets.length}">
<thead><tr><th scope="col">Image</th>${each(
      sheets,
      ({ shows }, at) =>
        html`<th scope="col">${tile(at, shows.input, `${shows.sample} as the model sees it`)}<span class="of">${name(shows.predicted)} ${shows.probability.toFixed(2)}</span><small>${shows.annotated === shows.predicted ? html`as annotated` : html`annotated: ${name(shows.annotated)}`}</small></th>`,
    )}</tr></thead>
<tbody>${each(
      some,
      (method) => html`
<tr><th scope="row">${method.title}${when(method.control, html` <small>control</small>`)}</th>${each(
        sheets,
        ({ shows }, at) => {
          const map = shows.maps.find((m) => m.method === method.id);
          return map
            ? html`<td>${tile(at, map, `${titleOf(report, method.id)} on ${shows.sample}: ${map.words}`)}</td>`
            : html`<td class="none">–</td>`;
        },
      )}</tr>`,
    )}
</tbody>
</table>`,
  );
}

const whole = (title: string, picture: Markup): Markup =>
  html`<h3 class="apart">${name(title)}</h3>
${scroll(`Contact sheet of ${title}`, picture)}
`;
