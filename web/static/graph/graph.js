// The graph as the API gives it: nodes by number, edges by both ends, names, and which nodes a threshold or a search keep.
import { visibleText, visibleToken } from "./text.js";

export class Graph {
  constructor(answer, model) {
    this.model = model;
    this.tokens = answer.tokens;
    this.nodes = new Map(answer.nodes.map((node) => [node.node_id, { ...node, inputs: [], outputs: [] }]));
    for (const edge of answer.edges) {
      const source = this.nodes.get(edge.source_node_id), target = this.nodes.get(edge.target_node_id);
      if (!source || !target) continue;
      const linked = { source, target, weight: edge.weight, share: edge.share };
      source.outputs.push(linked);
      target.inputs.push(linked);
    }
    const byShare = (a, b) => b.share - a.share;
    for (const node of this.nodes.values()) { node.inputs.sort(byShare); node.outputs.sort(byShare); }
    this.ranked = [...this.nodes.values()].filter(({ kind }) => kind !== "logit").sort((a, b) => b.influence - a.influence);
    this.logits = [...this.nodes.values()].filter(({ kind }) => kind === "logit").sort((a, b) => b.probability - a.probability);
    this.layers = 1 + Math.max(0, ...this.ranked.map(({ layer }) => layer ?? 0));
  }

  // The most influential nodes, the logits, and what is pinned.
  shown(most, pinned) {
    return [...this.ranked.filter((node, at) => at < most || pinned.has(node.node_id)), ...this.logits];
  }

  found(text) {
    const wanted = text.toLowerCase();
    const texts = (node) => [node.label, node.token, node.supernode, ...(node.top_tokens || []), called(node)];
    return new Set(this.ranked.concat(this.logits).filter((node) => texts(node).some((each) => each?.toLowerCase().includes(wanted))));
  }

  // Share of what acts on a node that comes from others, by number, along paths through nodes that are not stops.
  reaching(target, stops) {
    const flow = new Map([[target, 1]]), found = new Map(), depth = (node) => (node.kind === "logit" ? this.layers : node.layer ?? -1);
    const order = [...this.nodes.values()].sort((a, b) => depth(b) - depth(a));
    for (const node of order) {
      const passed = flow.get(node);
      if (!passed || (node !== target && stops.has(node.node_id))) continue;
      for (const { source, share } of node.inputs) {
        if (node !== target && stops.has(source.node_id)) found.set(source.node_id, (found.get(source.node_id) || 0) + passed * share);
        flow.set(source, (flow.get(source) || 0) + passed * share);
      }
    }
    return found;
  }

  edge(source, target) { return this.nodes.get(target)?.inputs.find((edge) => edge.source.node_id === source); }

  // The page of a feature; none where the transcoders of an imported graph are not here.
  address(node) {
    return node.kind === "feature" && node.recipe_id !== null && `/sae/${[this.model, node.recipe_id, node.feature_id].map(encodeURIComponent).join("/")}`;
  }
}

export function name(node, most = 60) {
  if (node.kind === "token") return `“${visibleToken(node.token, most)}”`;
  if (node.kind === "logit") return `→ “${visibleToken(node.token, most)}”`;
  if (node.kind === "error") return `left out, layer ${node.layer}, at “${visibleToken(node.token, 20)}”`;
  if (node.label) return visibleText(node.label, most);
  const tokens = (node.top_tokens || []).slice(0, 2).map((token) => visibleToken(token, 12)).join(" ");
  return `${visibleText(called(node), 40)}${tokens ? `: ${tokens}` : ""}`;
}

export function called(node) {
  return node.recipe_id === null ? `feature ${node.feature_id}` : `${node.recipe_id}/${node.feature_id}`;
}

export function place(node) {
  if (node.kind === "logit") return `next token, ${(100 * node.probability).toPrecision(3)} %`;
  const at = `position ${node.position} “${visibleToken(node.token, 20)}”`;
  return node.layer === null ? at : `layer ${node.layer}, ${at}`;
}
