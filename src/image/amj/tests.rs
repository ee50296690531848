use super::*;

const HEX: &str = ":020000040800F2\r\n:0400100001020304E2\r\n:00000001FF\r\n";

fn read(json: &str) -> Result<Image, ImageError> {
    parse(&Arc::from("up.amj"), json.as_bytes())
}

fn bad(json: &str) -> String {
    read(json).unwrap_err().to_string()
}

fn wrap(hex: &str) -> String {
    format!(r#"{{"mcuType": "F051", "pin": "PB4", "hex": "{}"}}"#, BASE64.encode(hex))
}

#[test]
fn the_hex_inside_is_read() {
    let image = read(&wrap(HEX)).unwrap();
    assert_eq!(image.format, Format::Amj);
    assert_eq!(image.word(0x0800_0010), Some(0x0403_0201));
    assert_eq!(image.origin(0x0800_0010).unwrap().to_string(), "up.amj line 2 of the hex inside");
    assert_eq!(image.amj, Some(Amj { mcu_type: Some("F051".into()), pin: Some("PB4".into()), ..Amj::default() }));
    assert_eq!(image.remarks.len(), 1);
    assert_eq!(image.remarks[0].to_string(), r#"says that it is made for MCU "F051" and pin "PB4""#);
}

#[test]
fn what_it_is_for_may_be_missing() {
    let image = read(&format!("{{\"hex\":\"{}\", \"pin\": 4, \"mcuType\": null}}", BASE64.encode(HEX))).unwrap();
    assert_eq!(image.amj, Some(Amj { pin: Some("4".into()), ..Amj::default() }));
    let bare = read(&format!("{{\"hex\":\"{}\"}}", BASE64.encode(HEX))).unwrap();
    assert_eq!((bare.amj, bare.remarks), (Some(Amj::default()), vec![]));
}

#[test]
fn padding_and_line_breaks_do_not_matter() {
    let encoded = BASE64.encode(HEX.trim_end());
    assert!(encoded.ends_with('='));
    let broken = format!("{}\\n{}", &encoded[..20], encoded[20..].trim_end_matches('='));
    assert_eq!(read(&format!("{{\"hex\":\"{broken}\"}}")).unwrap().len(), 4);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    assert_eq!(bad("{\n  \"hex\": \"AA\",\n}"), "up.amj: is no valid JSON at line 3 column 1: trailing comma");
    assert!(bad("{\"hex\": \"AA").contains("line 1 column 11"));
    assert!(bad("{\"message\": \"Not Found\"}").contains("lacks the text `hex`"));
    assert!(bad("{\"hex\": 5}").contains("not a text"));
    assert!(bad("[]").contains("not an object"));
    assert!(bad("{\"hex\": \"!!!!\"}").contains("not valid base64"));
    assert!(bad(&wrap(&HEX.replace("E2", "E3"))).starts_with("up.amj line 2 of the hex inside: has the checksum E3"));
    assert!(bad(&wrap(&HEX[..30])).starts_with("up.amj line 2 of the hex inside: the file is cut off"));
    assert!(bad(&wrap("")).starts_with("up.amj line 1 of the hex inside: the file ends here"));
    // Deep nesting is refused before the stack ends.
    assert!(bad(&"[".repeat(100_000)).contains("recursion"));
}
