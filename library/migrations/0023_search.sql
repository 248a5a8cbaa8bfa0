-- The search: words of clips, as library/search/folding.py and library/search/words.py describe them.
-- Everything is compared by code point (COLLATE "C"), so that no locale changes the words.

-- Replace compatible characters (NFKC), capital letters and accents; see folding.fold().
CREATE OR REPLACE FUNCTION library_fold(words text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE AS $function$
DECLARE
    folded text := words COLLATE "C";
BEGIN
    IF octet_length(words) = length(words) THEN
        RETURN lower(folded);
    END IF;
    folded := lower(normalize(translate(folded, '´', ''''), NFKD) COLLATE "C");
    -- Only texts with such letters are translated: it takes as long as the lists are.
    IF folded COLLATE "C" ~ '[\u00c6\u00d0\u00d8\u00de\u00f0\u00f8\u0110\u0111\u0131\u0141\u0142\u0152\u0370\u0372'
            '\u0376\u037f\u0391-\u03a1\u03a3-\u03a9\u03c2\u03cf\u03d8\u03da\u03dc\u03de\u03e0\u03e2'
            '\u03e4\u03e6\u03e8\u03ea\u03ec\u03ee\u03f7\u03fa\u03fd-\u03ff\u0404\u0406\u0410-\u0418'
            '\u041a-\u042f\u0490\u0629\u0649\u06a9\u06be\u06c1\u06cc\u1e9e\u2013\u2014\u2018\u2019]' THEN
        folded := translate(
            folded,
            'ÆÐØÞĐŁŒͰͲͶͿΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩϏϘϚϜϞϠϢϤϦϨϪϬϮϷϺϽϾϿЄІАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯҐẞ'
            'øđðłıςىةکیہھ‘’–—',
            'ædoþdlœͱͳͷϳαβγδεζηθικλμνξοπρστυφχψωϗϙϛϝϟϡϣϥϧϩϫϭϯϸϻͻͼͽєіабвгдежзиклмнопрстуфхцчшщъыьэюяґß'
            'oddliσيهكيهه''''--'
        );
    END IF;
    IF folded COLLATE "C" ~ '[\u00b7\u0126\u0127\u0138\u014a\u014b\u0166\u0167\u0180-\u01b8\u01bc\u01e4\u01e5\u01f6'
            '\u01f7\u021c\u0220-\u0225\u0234-\u024f\u0253-\u0257\u025b\u0260\u0268\u0269\u0272\u0288-'
            '\u028b\u02b9-\u02bc\u0402-\u040b\u040f\u0460-\u0474\u0478-\u0480\u048a-\u048e\u0492-'
            '\u04cd\u04d4\u04d8\u04e0\u04e8\u04f6\u04fa-\u0556\u055a\u05be\u05f3\u05f4\u0660-\u0669'
            '\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59\u10a0-\u10c5\u13a0-\u13f5\u1c90-'
            '\u1cbf\u1efa-\u1efe\u2010-\u2015\u201b\u2027\u2032\u2043\u2044\u2212-\u2215\u266f\u29f8'
            '\u2c00-\u2c2f\u2c60-\u2c75\u2c7e-\u2ce2\ua640-\ua66c\ua680-\ua69a\ua722-\ua72e\ua732-'
            '\ua76e\ua779-\ua786\ua78b-\ua792\ua796-\ua7be\U00010400-\U00010427\U000104b0-\U000104d3'
            '\U0001e900-\U0001e921]' THEN
        folded := translate(
            folded,
            'ĦŊŦƁƂƄƆƇƉƊƋƎƏƐƑƓƔƖƗƘƜƝƟƢƤƦƧƩƬƮƱƲƳƵƷƸƼǤǶǷȜȠȢȤȺȻȽȾɁɃɄɅɆɈɊɌɎЂЅЈЉЊЋЏѠѢѤѦѨѪѬѮѰѲѴѸѺѼѾҀ'
            'ҊҌҎҒҔҖҘҚҜҞҠҢҤҦҨҪҬҮҰҲҴҶҸҺҼҾӀӃӅӇӉӋӍӔӘӠӨӶӺӼӾԀԂԄԆԈԊԌԎԐԒԔԖԘԚԜԞԠԢԤԦԨԪԬԮԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿ'
            'ՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖႠႡႢႣႤႥႦႧႨႩႪႫႬႭႮႯႰႱႲႳႴႵႶႷႸႹႺႻႼႽႾႿჀჁჂჃჄჅᎠᎡᎢᎣᎤᎥᎦᎧᎨᎩᎪᎫᎬᎭᎮᎯᎰᎱᎲ'
            'ᎳᎴᎵᎶᎷᎸᎹᎺᎻᎼᎽᎾᎿᏀᏁᏂᏃᏄᏅᏆᏇᏈᏉᏊᏋᏌᏍᏎᏏᏐᏑᏒᏓᏔᏕᏖᏗᏘᏙᏚᏛᏜᏝᏞᏟᏠᏡᏢᏣᏤᏥᏦᏧᏨᏩᏪᏫᏬᏭᏮᏯᏰᏱᏲᏳᏴᏵᲐᲑᲒᲓᲔᲕᲖᲗᲘᲙᲚᲛᲜ'
            'ᲝᲞᲟᲠᲡᲢᲣᲤᲥᲦᲧᲨᲩᲪᲫᲬᲭᲮᲯᲰᲱᲲᲳᲴᲵᲶᲷᲸᲹᲺᲽᲾᲿỺỼỾⰀⰁⰂⰃⰄⰅⰆⰇⰈⰉⰊⰋⰌⰍⰎⰏⰐⰑⰒⰓⰔⰕⰖⰗⰘⰙⰚⰛⰜⰝⰞⰟⰠⰡⰢⰣⰤⰥⰦⰧⰨⰩⰪⰫ'
            'ⰬⰭⰮⰯⱠⱢⱣⱤⱧⱩⱫⱭⱮⱯⱰⱲⱵⱾⱿⲀⲂⲄⲆⲈⲊⲌⲎⲐⲒⲔⲖⲘⲚⲜⲞⲠⲢⲤⲦⲨⲪⲬⲮⲰⲲⲴⲶⲸⲺⲼⲾⳀⳂⳄⳆⳈⳊⳌⳎⳐⳒⳔⳖⳘⳚⳜⳞⳠⳢꙀꙂꙄꙆꙈꙊꙌꙎꙐꙒꙔ'
            'ꙖꙘꙚꙜꙞꙠꙢꙤꙦꙨꙪꙬꚀꚂꚄꚆꚈꚊꚌꚎꚐꚒꚔꚖꚘꚚꜢꜤꜦꜨꜪꜬꜮꜲꜴꜶꜸꜺꜼꜾꝀꝂꝄꝆꝈꝊꝌꝎꝐꝒꝔꝖꝘꝚꝜꝞꝠꝢꝤꝦꝨꝪꝬꝮꝹꝻꝽꝾꞀꞂꞄꞆꞋꞍꞐꞒꞖꞘꞚꞜ'
            'ꞞꞠꞢꞤꞦꞨꞪꞫꞬꞭꞮꞰꞱꞲꞳꞴꞶꞸꞺꞼꞾ𐐀𐐁𐐂𐐃𐐄𐐅𐐆𐐇𐐈𐐉𐐊𐐋𐐌𐐍𐐎𐐏𐐐𐐑𐐒𐐓𐐔𐐕𐐖𐐗𐐘𐐙𐐚𐐛𐐜𐐝𐐞𐐟𐐠𐐡𐐢𐐣𐐤𐐥𐐦𐐧𐒰𐒱𐒲𐒳𐒴𐒵𐒶𐒷𐒸𐒹𐒺𐒻𐒼𐒽𐒾𐒿𐓀𐓁𐓂'
            '𐓃𐓄𐓅𐓆𐓇𐓈𐓉𐓊𐓋𐓌𐓍𐓎𐓏𐓐𐓑𐓒𐓓𞤀𞤁𞤂𞤃𞤄𞤅𞤆𞤇𞤈𞤉𞤊𞤋𞤌𞤍𞤎𞤏𞤐𞤑𞤒𞤓𞤔𞤕𞤖𞤗𞤘𞤙𞤚𞤛𞤜𞤝𞤞𞤟𞤠𞤡ħŧŋĸƀɓƃƈɖɗƌɛƒɠɩɨƙƚɲƞɔƥƫƭʈʋƴƶǥ'
            'ȡȥȴȵȶȷⱥȼⱦȿɀʉɇɉɋɍɏ♯٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹०१२३४५६७८९০১২৩৪৫৬৭৮৯๐๑๒๓๔๕๖๗๘๙‛ʹʻʼ′՚׳״ꞌ‐‒―'
            '⁃−־·‧⁄∕⧸',
            'hntbbƅocdddǝəefgɣiikɯnɵƣpʀƨʃttʊvyzʒƹƽgƕƿȝnȣzacltɂbuʌejqryђѕјљњћџѡѣѥѧѩѫѭѯѱѳѵѹѻѽѿҁ'
            'ҋҍҏғҕҗҙқҝҟҡңҥҧҩҫҭүұҳҵҷҹһҽҿӏӄӆӈӊӌӎӕәӡөӷӻӽӿԁԃԅԇԉԋԍԏԑԓԕԗԙԛԝԟԡԣԥԧԩԫԭԯաբգդեզէըթժիլխծկ'
            'հձղճմյնշոչպջռսվտրցւփքօֆⴀⴁⴂⴃⴄⴅⴆⴇⴈⴉⴊⴋⴌⴍⴎⴏⴐⴑⴒⴓⴔⴕⴖⴗⴘⴙⴚⴛⴜⴝⴞⴟⴠⴡⴢⴣⴤⴥꭰꭱꭲꭳꭴꭵꭶꭷꭸꭹꭺꭻꭼꭽꭾꭿꮀꮁꮂ'
            'ꮃꮄꮅꮆꮇꮈꮉꮊꮋꮌꮍꮎꮏꮐꮑꮒꮓꮔꮕꮖꮗꮘꮙꮚꮛꮜꮝꮞꮟꮠꮡꮢꮣꮤꮥꮦꮧꮨꮩꮪꮫꮬꮭꮮꮯꮰꮱꮲꮳꮴꮵꮶꮷꮸꮹꮺꮻꮼꮽꮾꮿᏸᏹᏺᏻᏼᏽაბგდევზთიკლმნ'
            'ოპჟრსტუფქღყშჩცძწჭხჯჰჱჲჳჴჵჶჷჸჹჺჽჾჿỻỽỿⰰⰱⰲⰳⰴⰵⰶⰷⰸⰹⰺⰻⰼⰽⰾⰿⱀⱁⱂⱃⱄⱅⱆⱇⱈⱉⱊⱋⱌⱍⱎⱏⱐⱑⱒⱓⱔⱕⱖⱗⱘⱙⱚⱛ'
            'ⱜⱝⱞⱟⱡɫᵽɽⱨⱪⱬɑɱɐɒⱳⱶszⲁⲃⲅⲇⲉⲋⲍⲏⲑⲓⲕⲗⲙⲛⲝⲟⲡⲣⲥⲧⲩⲫⲭⲯⲱⲳⲵⲷⲹⲻⲽⲿⳁⳃⳅⳇⳉⳋⳍⳏⳑⳓⳕⳗⳙⳛⳝⳟⳡⳣꙁꙃꙅꙇꙉꙋꙍꙏꙑꙓꙕ'
            'ꙗꙙꙛꙝꙟꙡꙣꙥꙧꙩꙫꙭꚁꚃꚅꚇꚉꚋꚍꚏꚑꚓꚕꚗꚙꚛꜣꜥꜧꜩꜫꜭꜯꜳꜵꜷꜹꜻꜽꜿꝁꝃꝅꝇꝉꝋꝍꝏꝑꝓꝕꝗꝙꝛꝝꝟꝡꝣꝥꝧꝩꝫꝭꝯꝺꝼᵹꝿꞁꞃꞅꞇ''ɥꞑꞓꞗꞙꞛꞝ'
            'ꞟꞡꞣꞥꞧꞩɦɜɡɬɪʞʇʝꭓꞵꞷꞹꞻꞽꞿ𐐨𐐩𐐪𐐫𐐬𐐭𐐮𐐯𐐰𐐱𐐲𐐳𐐴𐐵𐐶𐐷𐐸𐐹𐐺𐐻𐐼𐐽𐐾𐐿𐑀𐑁𐑂𐑃𐑄𐑅𐑆𐑇𐑈𐑉𐑊𐑋𐑌𐑍𐑎𐑏𐓘𐓙𐓚𐓛𐓜𐓝𐓞𐓟𐓠𐓡𐓢𐓣𐓤𐓥𐓦𐓧𐓨𐓩𐓪'
            '𐓫𐓬𐓭𐓮𐓯𐓰𐓱𐓲𐓳𐓴𐓵𐓶𐓷𐓸𐓹𐓺𐓻𞤢𞤣𞤤𞤥𞤦𞤧𞤨𞤩𞤪𞤫𞤬𞤭𞤮𞤯𞤰𞤱𞤲𞤳𞤴𞤵𞤶𞤷𞤸𞤹𞤺𞤻𞤼𞤽𞤾𞤿𞥀𞥁𞥂𞥃htnkbbbcdddefgiiklnnoptttvyzg'
            'dzlntjactszuejqry#01234567890123456789012345678901234567890123456789''''''''''''''''''---'
            '-----///'
        );
    END IF;
    IF folded COLLATE "C" ~ '[ßæœþƕƣȸȹ]' THEN
        folded := replace(replace(replace(replace(folded, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
        folded := replace(replace(replace(replace(folded, 'ƕ', 'hv'), 'ƣ', 'oi'), 'ȸ', 'db'), 'ȹ', 'qp');
    END IF;
    folded := replace(replace(folded, U&'\0438\0306', 'й'), U&'\0443\0306', 'ў');
    folded := regexp_replace(
        folded COLLATE "C",
        '[\u00ad\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610'
            '-\u061a\u061c\u0640\u064b-\u065f\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8\u06ea-'
            '\u06ed\u0711\u0730-\u074a\u08d3-\u08e1\u08e3-\u08ff\u093c\u115f\u1160\u17b4\u17b5\u180b-'
            '\u180f\u1ab0-\u1aff\u1dc0-\u1dff\u200b-\u200f\u202a-\u202e\u2060-\u206f\u20d0-\u20ff'
            '\u30a0\u30fb\ufe00-\ufe0f\ufe20-\ufe2f\ufeff\U0001f3fb-\U0001f3ff\U000e0000-\U000e0fff]+',
        '',
        'g'
    );
    RETURN normalize(folded, NFC);
END
$function$;

-- The words of a text with their positions; library/search/words.py describes them. E'\x02' begins
-- the next section, which weighs less; the token E'\x01' stands between words that are no phrase.
CREATE OR REPLACE FUNCTION library_words(words text) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $function$
DECLARE
    joiners CONSTANT text := '''/\._&+#@$!%*-';
    folded text := replace(
        translate(library_fold(words), E'`\x03\t\n\x0b\f\r,;:()[]{}<>?"=^|~', '''' || repeat(' ', 23)),
        '. ', ' '  -- most joiners end a sentence
    );
    found text := '';
    number integer := 0;
    weight text;
    section text;
    place integer := 0;
    first integer;
    token text;
    bare text;
    part text;
    previous text;  -- the word before, unless a section or a tag begins
    earlier text;  -- and the word before that
BEGIN
    IF folded IS NULL THEN
        RETURN NULL;
    END IF;
    IF octet_length(folded) > length(folded) THEN
        folded := regexp_replace(
            folded COLLATE "C",
            '[\u0080-\u00bf\u00d7\u00f7\u02c2-\u02c5\u02d2-\u02eb\u02ed\u02ef-\u02ff\u0375\u03f6'
            '\u0482\u055a-\u055f\u0589-\u058f\u05be\u05c0\u05c3\u05c6\u05f3-\u060f\u061b-\u061f\u066a'
            '-\u066d\u06d4\u06dd\u06de\u06e9\u06fd\u06fe\u0964\u0965\u0970\u0e3f\u0e4f\u0e5a\u0e5b'
            '\u104a-\u104f\u109e\u109f\u10fb\u1360-\u1368\u1390-\u1399\u1400\u166d\u166e\u1680\u17d4-\u17d6'
            '\u17d8-\u17db\u1800-\u180a\u180e\u200b-\u20c0\u2104-\u212e\u213a-\u214d\u214f\u218a'
            '\u218b\u2e00-\u2e2e\u2e30-\u3004\u3008-\u3020\u3030\u3037\u303d-\u303f\u30a0\u30fb\u3190'
            '\u3191\u31c0-\u31e3\u327f\u4dc0-\u4dff\ue000-\uf8ff\ufbb2-\ufdff\ufe45\ufe46\ufeff-'
            '\ufffd]+',
            ' ',
            'g'
        );
        -- Runs of characters that are indexed in pairs: scripts without spaces, and symbols.
        folded := regexp_replace(
            folded COLLATE "C",
            '[\u0e01-\u0e3a\u0e40-\u0e4e\u0e81-\u0ece\u1000-\u103f\u1050-\u109d\u1100-\u11ff\u1780-'
            '\u17d3\u17dd\u2190-\u2bff\u2e80-\u2fdf\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-'
            '\u3096\u3099-\u309f\u30a1-\u30fa\u30fc-\u318f\u31a0-\u31bf\u31f0-\u31ff\u3400-\u4dbf'
            '\u4e00-\ua4cf\ua960-\ua97f\uac00-\ud7a3\ud7b0-\ud7fb\uf900-\ufaff\U0001b000-\U0001b16f'
            '\U0001d000-\U0001d24f\U0001f000-\U0001faff\U00020000-\U0003ffff]+',
            E' \x03\\& ',
            'g'
        );
    END IF;
    FOREACH section IN ARRAY string_to_array(folded, E'\x02') LOOP
        number := number + 1;
        weight := substr('ABC', number, 1);
        place := place + 1;
        previous := NULL;
        FOREACH token IN ARRAY string_to_array(section, ' ') LOOP
            CONTINUE WHEN token = '';
            bare := translate(token, joiners, '');
            IF starts_with(token, E'\x03') THEN
                part := NULL;
                FOREACH bare IN ARRAY string_to_array(substr(token, 2), NULL) LOOP
                    IF part IS NOT NULL THEN
                        found := found || ' ''' || part || bare || ''':' || place || weight;
                    END IF;
                    place := place + 1;
                    part := bare;
                END LOOP;
                found := found || ' ''' || part || ''':' || place || weight;
                previous := NULL;
                CONTINUE;
            ELSIF bare = token THEN
                IF token = E'\x01' THEN
                    place := place + 1;
                    previous := NULL;
                    CONTINUE;
                END IF;
                place := place + 1;
                found := found || ' ''' || left(token, 60) || ''':' || place || weight;
                CONTINUE WHEN number > 2;
                -- Words beside each other are also found in one: `hihat`, `rocknroll`.
                IF previous IS NOT NULL THEN
                    found := found || ' ''=' || left(previous || token, 60) || ''':'
                        || place - 1 || weight || ',' || place || weight;
                    IF earlier IS NOT NULL AND length(previous) = 1 THEN
                        found := found || ' ''=' || left(earlier || previous || token, 60) || ''':'
                            || place - 2 || weight || ',' || place || weight;
                    END IF;
                END IF;
                earlier := previous;
                previous := token;
                CONTINUE;
            END IF;
            first := place + 1;
            FOREACH part IN ARRAY string_to_array(translate(token, joiners, repeat('-', 14)), '-') LOOP
                IF part <> '' THEN
                    place := place + 1;
                    found := found || ' ''' || left(part, 60) || ''':' || place || weight;
                    IF number < 3 AND previous IS NOT NULL THEN
                        found := found || ' ''=' || left(previous || part, 60) || ''':'
                            || place - 1 || weight || ',' || place || weight;
                    END IF;
                    earlier := NULL;
                    previous := part;
                END IF;
            END LOOP;
            -- A word with parts is also found in one: `dont`.
            IF place > first THEN
                found := found || ' ''=' || left(bare, 60) || ''':'
                    || first || weight || ',' || place || weight;
            END IF;
            -- So is what is written with a word, or is all of it: `c++`, `.net`, `r&b`, `!!!`.
            token := ltrim(rtrim(token, '-''/\_*.'), '-''/\_*');
            IF bare <> '' THEN
                token := btrim(token, '!');
            ELSE
                CONTINUE WHEN length(token) < 2;
                first := place + 1;
                place := first;
            END IF;
            IF token ~ '[+#&$@%!]' OR starts_with(token, '.') THEN
                found := found || ' ''=' || left(translate(token, '''\', ''), 60) || ''':'
                    || first || weight || ',' || place || weight;
            END IF;
        END LOOP;
    END LOOP;
    RETURN found::tsvector;
END
$function$;

-- The words of a clip: those of the title weigh most, then those of tags and creator, then those of
-- the description. PL/pgSQL, because PostgreSQL reads the expression of a generated column again
-- for each update, also for that of a play: this one stays short.
CREATE OR REPLACE FUNCTION library_clip_words(
    title text, tags text[], creator text, description text
) RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path FROM CURRENT AS $function$
BEGIN
    RETURN library_words(concat(
        title, E'\x02', array_to_string(tags, E' \x01 '), E' \x01 ', creator, E'\x02', description
    ));
END
$function$;
