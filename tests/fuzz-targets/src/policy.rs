use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use percent_encoding::percent_decode_str;
use portcullis::egress::policy::{ApiOrigin, PathPattern, Policy, Rule, sent_on};
use portcullis::slot::SlotName;
use url::Url;

/// A request that the policy lets through goes to the API, below a path that a rule names, with a method that it names,
/// and reads the same to every parser. The input: a line with method and URL, then a line for each header.
///
/// # Panics
/// Where that does not hold.
pub fn policy(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let Some((method, url)) = lines.next().and_then(|line| line.split_once(' ')) else {
        return;
    };
    let (Ok(method), Ok(uri)) = (Method::from_bytes(method.as_bytes()), url.parse::<Uri>()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for (name, value) in lines.filter_map(|line| line.split_once(": ")) {
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            headers.append(name, value);
        }
    }
    let slot = SlotName::try_from("token".to_owned()).expect("a slot's name");
    let rule = |path: &str, slots: Vec<SlotName>| Rule {
        family: "family".to_owned(),
        methods: vec![Method::GET],
        path: PathPattern::parse(path).expect("a pattern"),
        slots,
    };
    let rules = vec![
        rule("/2.0/**", vec![slot.clone()]),
        rule("/open/*", Vec::new()),
    ];
    let origin = ApiOrigin::parse("https://api.example.com").expect("an origin");
    let policy = Policy::new(origin, rules, vec![slot]);
    let Ok(permit) = policy.judge(&method, &uri, &headers) else {
        return;
    };
    assert_eq!(method, Method::GET);
    let url = &permit.url;
    assert_eq!(url.scheme(), "https");
    assert_eq!(url.host_str(), Some("api.example.com"));
    assert_eq!(url.port(), None);
    assert!(url.username().is_empty() && url.password().is_none());
    assert_eq!(Url::parse(url.as_str()).as_ref(), Ok(url));
    assert_eq!(url.path(), uri.path());
    let segments: Vec<String> = url
        .path()
        .split('/')
        .skip(1)
        .map(|segment| {
            percent_decode_str(segment)
                .decode_utf8()
                .expect("UTF-8")
                .into_owned()
        })
        .collect();
    for segment in &segments {
        assert!(!matches!(segment.as_str(), "" | "." | ".."), "{url}");
        assert!(
            !segment.contains([
                '/', '\\', '%', ';', '\0', '\r', '\n', '\u{ff0f}', '\u{ff3c}'
            ]),
            "{url}"
        );
        assert!(
            !segment.ends_with(['.', ' ', '\u{ff0e}', '\u{3000}']),
            "{url}"
        );
    }
    match segments.as_slice() {
        [first, _, ..] if first == "2.0" => assert!(!permit.slots.is_empty()),
        [first, _] if first == "open" => assert!(permit.slots.is_empty()),
        _ => panic!("{url} is below no rule"),
    }
    for name in sent_on(headers).keys() {
        let allowed = [
            "accept",
            "accept-language",
            "if-none-match",
            "if-modified-since",
        ];
        assert!(allowed.contains(&name.as_str()), "{name}");
    }
}
