//! What is read, and what is refused.

use super::*;

fn scalar<'t>(text: &'t str, tree: &Tree, id: NodeId) -> &'t str {
    match &tree.node(id).content {
        Content::Scalar(_, inner) => &text[inner.clone()],
        _ => "",
    }
}

#[test]
fn aliases_and_merges_are_followed_and_own_keys_win() {
    let text =
        "\u{feff}x: &x {a: 1, b: 2}\r\ny: &y\r\n  b: 3\r\n  c: '4'\r\nz:\r\n  <<: [*x, *y]\r\n  \"a\": 5\r\nw: *x\r\n";
    let tree = Tree::read(text).unwrap();
    let root = tree.root().unwrap();
    let z = tree.get(root, "z").unwrap();
    let found = ["a", "b", "c"].map(|key| scalar(text, &tree, tree.get(z, key).unwrap()));
    assert_eq!(found, ["5", "2", "4"]);
    assert_eq!(tree.get(root, "w"), tree.get(root, "x"));
}

#[test]
fn tags_and_anchors_in_either_order_belong_to_their_node() {
    for text in ["a: &x !override\n  - 1\nb: *x\n", "a: !override &x\n  - 1\nb: *x\n", "a: !override &x [1]\nb: *x\n"] {
        let tree = Tree::read(text).unwrap();
        let a = tree.get(tree.root().unwrap(), "b").unwrap();
        assert_eq!(tree.node(a).tag.as_deref(), Some("!override"), "{text}");
        assert!(matches!(&tree.node(a).content, Content::Sequence(items) if items.len() == 1), "{text}");
    }
    let tree = Tree::read("a: !reset\nb:\n").unwrap();
    let a = tree.get(tree.root().unwrap(), "a").unwrap();
    assert_eq!((tree.node(a).tag.as_deref(), &tree.node(a).content), (Some("!reset"), &Content::Null));
}

#[test]
fn what_cannot_be_edited_for_certain_is_refused_with_its_place() {
    let table = [
        ("a: 1\nb: 2\na: 3\n", 10, "twice"),
        ("a: !overri\0e\n  - 1\n", 10, "control character"),
        ("a: {k: x, \"k\": y}\n", 10, "twice"),
        ("a: *b\n", 3, "no anchor"),
        ("a: &b [*b]\n", 7, "contains itself"),
        ("a: &b 1\nc: !override *b\n", 21, "tag"),
        ("a: 1\n---\nb: 1\n", 5, "second document"),
        ("- 1\n", 0, "no mapping"),
        ("a: [1\n", 3, ""),
    ];
    for (text, offset, message) in table {
        let error = Tree::read(text).unwrap_err();
        assert!(error.message.contains(message), "{text:?}: {error:?}");
        assert!(message.is_empty() || error.offset == offset, "{text:?}: {error:?}");
    }
}

#[test]
fn empty_files_have_no_root() {
    for text in ["", "\n", "# only a comment\n", "---\n", "\u{feff}"] {
        assert!(Tree::read(text).unwrap().root().is_none(), "{text:?}");
    }
}

#[test]
fn nested_merges_of_the_same_mapping_end() {
    let mut text = "a0: &a0 {k: 1}\n".to_owned();
    for level in 1..60 {
        text.push_str(&format!("a{level}: &a{level}\n  <<: [*a{0}, *a{0}]\n", level - 1));
    }
    let tree = Tree::read(&text).unwrap();
    let last = tree.get(tree.root().unwrap(), "a59").unwrap();
    assert!(tree.get(last, "missing").is_none());
    assert!(tree.get(last, "k").is_some());
}
